package jllm.tokenize.model;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.text.ByteAlphabet;
import org.jspecify.annotations.Nullable;

/**
 * Byte pair encoding as Hugging Face's {@code tokenizer.json} defines it: a vocabulary and a list
 * of merges, the first the most urgent.
 */
public final class Bpe implements Model {

  /**
   * How symbols are formed and what happens to what is not in the vocabulary.
   *
   * @param unknown the token for a character that is not in the vocabulary, or null
   * @param continuingPrefix stands before a symbol that does not begin a piece, or null
   * @param endSuffix stands after the symbol that ends a piece, or null
   * @param fuseUnknown whether neighbouring unknown characters are one token
   * @param byteFallback whether an unknown character becomes its bytes, {@code <0x00>}...
   * @param ignoreMerges whether a piece that is a token is that token, reachable or not
   */
  public record Options(
      @Nullable String unknown,
      @Nullable String continuingPrefix,
      @Nullable String endSuffix,
      boolean fuseUnknown,
      boolean byteFallback,
      boolean ignoreMerges) {

    /** None of all that. */
    public static final Options NONE = new Options(null, null, null, false, false, false);

    public Options withIgnoreMerges(boolean value) {
      return new Options(unknown, continuingPrefix, endSuffix, fuseUnknown, byteFallback, value);
    }
  }

  private final @Nullable String[] tokens;
  private final long[] pairs;
  private final int[] results;
  private final PairMerges merges;
  private final Options options;
  private @Nullable TokenTable textTable;
  private @Nullable TokenTable byteTable;

  private Bpe(@Nullable String[] tokens, long[] pairs, int[] results, Options options) {
    this.tokens = tokens;
    this.pairs = pairs;
    this.results = results;
    this.merges = new PairMerges(pairs, results);
    this.options = options;
  }

  /** Collects the merges of a model. */
  public static final class Builder {
    private final @Nullable String[] tokens;
    private final Map<String, Integer> ids;
    private final Options options;
    private final boolean strict;
    private long[] pairs = new long[1024];
    private int[] results = new int[1024];
    private int count;

    /**
     * @param tokens by id; null where no token has that id
     * @param strict whether a merge of unknown tokens is an error; else it is left out
     */
    public Builder(@Nullable String[] tokens, Options options, boolean strict) {
      this.tokens = tokens.clone();
      this.options = options;
      this.strict = strict;
      ids = HashMap.newHashMap(tokens.length);
      for (int id = 0; id < tokens.length; id++) {
        String token = tokens[id];
        if (token != null) {
          ids.put(token, id);
        }
      }
    }

    /** Adds the next merge. */
    public Builder merge(String left, String right) {
      String prefix = options.continuingPrefix;
      int skip = prefix != null && right.startsWith(prefix) ? prefix.length() : 0;
      Integer a = ids.get(left);
      Integer b = ids.get(right);
      Integer c = ids.get(left.concat(right.substring(skip)));
      if (a == null || b == null || c == null) {
        if (strict) {
          String missing = a == null ? left : b == null ? right : left + right.substring(skip);
          throw new TokenizerFormatException(
              "merge "
                  + (count + 1)
                  + " ('"
                  + left
                  + "' with '"
                  + right
                  + "') needs the token '"
                  + missing
                  + "', which is not in the vocabulary");
        }
        return this;
      }
      if (count == pairs.length) {
        pairs = java.util.Arrays.copyOf(pairs, count * 2);
        results = java.util.Arrays.copyOf(results, count * 2);
      }
      pairs[count] = PairMerges.pair(a, b);
      results[count++] = c;
      return this;
    }

    public Bpe build() {
      String unknown = options.unknown;
      if (unknown != null && !ids.containsKey(unknown)) {
        throw new TokenizerFormatException(
            "the unknown token '" + unknown + "' is not in the vocabulary");
      }
      return new Bpe(
          tokens,
          java.util.Arrays.copyOf(pairs, count),
          java.util.Arrays.copyOf(results, count),
          options);
    }
  }

  /** One more than the highest id. */
  public int size() {
    return tokens.length;
  }

  /** The text of a token, or null. */
  public @Nullable String token(int id) {
    return tokens[id];
  }

  public Options options() {
    return options;
  }

  /** The same vocabulary and merges with another rule for pieces that are tokens. */
  public Bpe withIgnoreMerges(boolean value) {
    return new Bpe(tokens, pairs, results, options.withIgnoreMerges(value));
  }

  public int mergeCount() {
    return pairs.length;
  }

  /** The left token of a merge. */
  public String mergeLeft(int rank) {
    return token0((int) (pairs[rank] >>> 32));
  }

  /** The right token of a merge. */
  public String mergeRight(int rank) {
    return token0((int) pairs[rank]);
  }

  private String token0(int id) {
    String token = tokens[id];
    if (token == null) {
      throw new IllegalStateException("merge of a token that is not there: " + id);
    }
    return token;
  }

  synchronized TokenTable textTable() {
    if (textTable == null) {
      byte[][] keys = new byte[tokens.length][];
      for (int id = 0; id < keys.length; id++) {
        String token = tokens[id];
        keys[id] = token == null ? new byte[0] : token.getBytes(StandardCharsets.UTF_8);
      }
      textTable = new TokenTable(keys);
    }
    return textTable;
  }

  private synchronized TokenTable byteTable() {
    if (byteTable == null) {
      byte[][] keys = new byte[tokens.length][];
      for (int id = 0; id < keys.length; id++) {
        String token = tokens[id];
        byte[] bytes = token == null ? null : ByteAlphabet.decode(token);
        keys[id] = bytes == null ? new byte[0] : bytes;
      }
      byteTable = new TokenTable(keys);
    }
    return byteTable;
  }

  /**
   * Whether the character is a token, and every token that contains it contains it only at its
   * beginning, runs of it counted as one: then nothing merges across the place before such a run,
   * and a text may be cut there.
   */
  public boolean onlyBegins(String character) {
    return options.continuingPrefix == null
        && options.endSuffix == null
        && textTable().onlyBegins(character.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public PieceEncoder newEncoder() {
    return new CharBpeEncoder(textTable(), merges, options);
  }

  /**
   * The same model for pieces that are bytes rather than bytes spelled in the byte alphabet, or
   * null if the result would not be the same: spelling them out and looking the characters up gives
   * the same tokens only where no character is treated apart.
   */
  public @Nullable Model onBytes() {
    if (options.continuingPrefix != null || options.endSuffix != null || options.byteFallback) {
      return null;
    }
    TokenTable table = byteTable();
    int[] byteIds = new int[256];
    boolean complete = true;
    for (int b = 0; b < 256; b++) {
      byteIds[b] = table.find(new byte[] {(byte) b});
      complete &= byteIds[b] >= 0;
    }
    if (!complete && options.unknown != null) {
      return null;
    }
    return () -> new ByteBpeEncoder(table, merges, byteIds, options.ignoreMerges);
  }
}
