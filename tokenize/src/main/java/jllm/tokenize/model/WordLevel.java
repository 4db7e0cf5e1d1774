package jllm.tokenize.model;

import java.nio.charset.StandardCharsets;
import jllm.tokenize.TokenizerFormatException;
import org.jspecify.annotations.Nullable;

/** Each piece is a token, or unknown. */
public final class WordLevel implements Model {

  private final @Nullable String[] tokens;
  private final String unknown;
  private final TokenTable table;
  private final int unknownId;

  /**
   * @param tokens by id
   * @param unknown the token of any other piece; if it is no token itself, such a piece is an error
   */
  public WordLevel(@Nullable String[] tokens, String unknown) {
    this.tokens = tokens.clone();
    this.unknown = unknown;
    byte[][] keys = new byte[tokens.length][];
    for (int id = 0; id < tokens.length; id++) {
      String token = tokens[id];
      keys[id] = token == null ? new byte[0] : token.getBytes(StandardCharsets.UTF_8);
    }
    table = new TokenTable(keys);
    unknownId = table.find(unknown.getBytes(StandardCharsets.UTF_8));
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

  @Override
  public PieceEncoder newEncoder() {
    return (text, start, end, out) -> {
      int id = table.find(text, start, end);
      if (id < 0) {
        id = unknownId;
      }
      if (id < 0) {
        throw new TokenizerFormatException(
            "'"
                + new String(text, start, end - start, StandardCharsets.UTF_8)
                + "' is not in the vocabulary, and its unknown token '"
                + unknown
                + "' is not either");
      }
      out.add(id, start, end);
    };
  }
}
