package jllm.tokenize.model;

import java.nio.charset.StandardCharsets;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.text.Utf8;
import org.jspecify.annotations.Nullable;

/**
 * WordPiece (google-research/bert, tokenization.py, WordpieceTokenizer): a word is cut from its
 * beginning, always the longest token that fits; one that cannot be cut is unknown as a whole.
 */
public final class WordPiece implements Model {

  private final @Nullable String[] tokens;
  private final String unknown;
  private final String prefix;
  private final int longestWord;
  private final ByteTrie begin;
  private final ByteTrie go;
  private final int unknownId;

  /**
   * @param tokens by id
   * @param unknown the token of a word that cannot be cut
   * @param prefix marks tokens that go on in a word
   * @param longestWord words of more characters are unknown
   */
  public WordPiece(@Nullable String[] tokens, String unknown, String prefix, int longestWord) {
    this.tokens = tokens.clone();
    this.unknown = unknown;
    this.prefix = prefix;
    this.longestWord = longestWord;
    byte[][] whole = new byte[tokens.length][];
    byte[][] continued = new byte[tokens.length][];
    int unk = -1;
    for (int id = 0; id < tokens.length; id++) {
      String token = tokens[id];
      whole[id] = token == null ? new byte[0] : token.getBytes(StandardCharsets.UTF_8);
      continued[id] =
          token != null && token.startsWith(prefix)
              ? token.substring(prefix.length()).getBytes(StandardCharsets.UTF_8)
              : new byte[0];
      if (unknown.equals(token)) {
        unk = id;
      }
    }
    if (unk < 0) {
      throw new TokenizerFormatException(
          "the unknown token '" + unknown + "' is not in the WordPiece vocabulary");
    }
    unknownId = unk;
    begin = new ByteTrie(whole);
    go = new ByteTrie(continued);
  }

  /** One more than the highest id. */
  public int size() {
    return tokens.length;
  }

  /** The text of a token, or null. */
  public @Nullable String token(int id) {
    return tokens[id];
  }

  public String unknown() {
    return unknown;
  }

  public String prefix() {
    return prefix;
  }

  public int longestWord() {
    return longestWord;
  }

  @Override
  public PieceEncoder newEncoder() {
    return this::encode;
  }

  private void encode(byte[] text, int start, int end, TokenBuffer out) {
    int characters = 0;
    for (int i = start; i < end; i += Utf8.sizeOf(text[i])) {
      characters++;
    }
    int first = out.size();
    boolean known = characters <= longestWord;
    int at = start;
    while (known && at < end) {
      int to = longest(at == start ? begin : go, text, at, end, out);
      known = to > at;
      at = to;
    }
    if (!known) {
      out.truncate(first);
      out.add(unknownId, start, end);
    }
  }

  private static int longest(ByteTrie trie, byte[] text, int at, int end, TokenBuffer out) {
    int node = 0;
    int found = -1;
    int to = at;
    for (int i = at; i < end; i++) {
      node = trie.step(node, text[i]);
      if (node < 0) {
        break;
      }
      int id = trie.value(node);
      if (id >= 0) {
        found = id;
        to = i + 1;
      }
    }
    if (found >= 0) {
      out.add(found, at, to);
    }
    return to;
  }
}
