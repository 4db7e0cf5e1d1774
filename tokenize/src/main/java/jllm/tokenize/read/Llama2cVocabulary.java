package jllm.tokenize.read;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.text.ByteToken;

/**
 * The {@code tokenizer.bin} of llama2.c (github.com/karpathy/llama2.c, tokenizer.py, export): an
 * int32 with the length of the longest token, then for each token a float32 score, an int32 length
 * and that many bytes, all little-endian. It is a SentencePiece vocabulary with spaces written as
 * spaces; ids 0, 1 and 2 are unknown, BOS and EOS, and bytes follow.
 */
public final class Llama2cVocabulary {

  private static final int LONGEST_TOKEN = 1 << 16;

  private Llama2cVocabulary() {}

  /**
   * Reads the bytes of such a file.
   *
   * @param name what to call the file in messages
   */
  public static VocabularySpec read(byte[] bytes, String name) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (in.remaining() < 4 || in.getInt() <= 0) {
      throw damaged(name, 0, "no positive token length at the beginning");
    }
    List<String> tokens = new ArrayList<>();
    List<Float> scores = new ArrayList<>();
    while (in.hasRemaining()) {
      int at = in.position();
      if (in.remaining() < 8) {
        throw damaged(name, at, "token " + tokens.size() + " is cut off");
      }
      scores.add(in.getFloat());
      int length = in.getInt();
      if (length < 0 || length > LONGEST_TOKEN || length > in.remaining()) {
        throw damaged(
            name,
            at,
            "token "
                + tokens.size()
                + " has the length "
                + length
                + " with "
                + in.remaining()
                + " bytes left");
      }
      byte[] text = new byte[length];
      in.get(text);
      tokens.add(new String(text, StandardCharsets.UTF_8).replace(' ', '\u2581'));
    }
    if (tokens.size() < 3) {
      throw damaged(name, in.position(), "only " + tokens.size() + " tokens");
    }
    int[] types = new int[tokens.size()];
    float[] s = new float[types.length];
    for (int id = 0; id < types.length; id++) {
      s[id] = scores.get(id);
      types[id] =
          ByteToken.byteOf(tokens.get(id)) >= 0 ? VocabularySpec.BYTE : VocabularySpec.NORMAL;
    }
    types[0] = VocabularySpec.UNKNOWN;
    types[1] = VocabularySpec.CONTROL;
    types[2] = VocabularySpec.CONTROL;
    // The exporter wraps these two in line breaks; everything else calls them by their names.
    tokens.set(1, "<s>");
    tokens.set(2, "</s>");
    return VocabularySpec.builder("llama", tokens)
        .scores(s)
        .types(types)
        .ids(new SpecialIds(Map.of(Role.UNK, 0, Role.BOS, 1, Role.EOS, 2)))
        .addBos(true)
        .addEos(false)
        .addSpacePrefix(true)
        .build();
  }

  private static TokenizerFormatException damaged(String name, int at, String what) {
    return new TokenizerFormatException(
        name
            + " is no llama2.c tokenizer, or damaged: at byte "
            + at
            + ": "
            + what
            + "; expected a length, then score, length and bytes of each token");
  }
}
