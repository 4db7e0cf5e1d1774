package jllm.format.llama2c;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFormatException;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of llama2.c ({@code tokenizer.bin}): the length of the longest token, then for each
 * token its score (float32), its length (int32) and its bytes. A SentencePiece vocabulary with byte
 * fallback: id 0 is unknown, 1 BOS, 2 EOS, 3 to 258 the bytes. Its exporter wrote spaces for
 * SentencePiece's U+2581, which is undone here.
 */
public final class Llama2cTokenizer {
  private static final long MAX_FILE = 1L << 28;
  private static final int FIRST_BYTE = 3;
  private static final int BYTES = 256;

  private Llama2cTokenizer() {}

  /**
   * Reads a tokenizer.
   *
   * @throws IOException if the file is missing or cannot be read
   * @throws ModelFormatException if it is no such tokenizer
   */
  public static VocabularySpec read(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such file");
    }
    if (Files.isDirectory(path)) {
      throw new FileSystemException(path.toString(), null, "is a folder, expected a file");
    }
    if (Files.size(path) > MAX_FILE) {
      throw damaged(path, "its size of " + Files.size(path) + " bytes is absurd");
    }
    return parse(path, ByteBuffer.wrap(Files.readAllBytes(path)));
  }

  private static VocabularySpec parse(Path path, ByteBuffer in) {
    in.order(ByteOrder.LITTLE_ENDIAN);
    if (in.remaining() < 4) {
      throw damaged(path, "it has " + in.remaining() + " bytes");
    }
    in.getInt(); // the length of the longest token, which only a C program needs to know
    List<String> tokens = new ArrayList<>();
    List<Float> scores = new ArrayList<>();
    while (in.hasRemaining()) {
      if (in.remaining() < 8) {
        throw damaged(path, "it ends inside token " + tokens.size());
      }
      float score = in.getFloat();
      int length = in.getInt();
      if (length < 0 || length > in.remaining() || Float.isNaN(score)) {
        throw damaged(
            path,
            "token %d has length %d and score %s; %d bytes follow"
                .formatted(tokens.size(), length, score, in.remaining()));
      }
      byte[] text = new byte[length];
      in.get(text);
      tokens.add(new String(text, StandardCharsets.UTF_8));
      scores.add(score);
    }
    return spec(path, tokens, scores);
  }

  private static VocabularySpec spec(Path path, List<String> tokens, List<Float> scores) {
    if (tokens.size() < FIRST_BYTE + BYTES) {
      throw damaged(
          path, "it has " + tokens.size() + " tokens, expected at least the 256 bytes and 3 more");
    }
    float[] values = new float[tokens.size()];
    int[] types = new int[tokens.size()];
    Arrays.fill(types, VocabularySpec.NORMAL);
    for (int id = 0; id < values.length; id++) {
      values[id] = scores.get(id);
      if (id >= FIRST_BYTE + BYTES) {
        tokens.set(id, tokens.get(id).replace(' ', '\u2581'));
      }
    }
    types[0] = VocabularySpec.UNKNOWN;
    tokens.set(1, "<s>"); // the exporter surrounds them with line feeds
    tokens.set(2, "</s>");
    types[1] = VocabularySpec.CONTROL;
    types[2] = VocabularySpec.CONTROL;
    for (int value = 0; value < BYTES; value++) {
      tokens.set(FIRST_BYTE + value, "<0x%02X>".formatted(value));
      types[FIRST_BYTE + value] = VocabularySpec.BYTE;
    }
    // In the training data of these models texts follow each other with nothing but BOS between
    // them: it ends a text as EOS does, and run.c stops at it.
    SpecialIds ids = new SpecialIds(Map.of(Role.UNK, 0, Role.BOS, 1, Role.EOS, 2, Role.EOT, 1));
    return VocabularySpec.builder("llama", tokens)
        .scores(values)
        .types(types)
        .ids(ids)
        .addBos(true)
        .addEos(false)
        .addSpacePrefix(true)
        .build();
  }

  /** Why the format cannot hold a vocabulary; absent if it can. */
  public static @Nullable String misfit(VocabularySpec spec) {
    if (!spec.model().equals("llama")) {
      return "it is no SentencePiece vocabulary with byte fallback but of the kind " + spec.model();
    }
    if (spec.tokens().size() < FIRST_BYTE + BYTES || spec.scores().length == 0) {
      return "it has no scores, or too few tokens";
    }
    for (int value = 0; value < BYTES; value++) {
      if (!spec.tokens().get(FIRST_BYTE + value).equals("<0x%02X>".formatted(value))) {
        return "its tokens 3 to 258 are not the bytes";
      }
    }
    return spec.ids().bos() == 1 && spec.ids().eos() == 2 ? null : "BOS and EOS are not 1 and 2";
  }

  /**
   * The bytes of a tokenizer file.
   *
   * @param spec one without a {@link #misfit}
   */
  public static byte[] write(VocabularySpec spec) {
    List<byte[]> texts = new ArrayList<>();
    int longest = 0;
    int bytes = Integer.BYTES;
    for (int id = 0; id < spec.tokens().size(); id++) {
      String token = spec.tokens().get(id).replace('\u2581', ' ');
      byte[] text =
          (id == 1 || id == 2 ? "\n" + token + "\n" : token).getBytes(StandardCharsets.UTF_8);
      texts.add(text);
      longest = Math.max(longest, text.length);
      bytes += 2 * Integer.BYTES + text.length;
    }
    ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(longest);
    for (int id = 0; id < texts.size(); id++) {
      out.putFloat(spec.scores()[id]).putInt(texts.get(id).length).put(texts.get(id));
    }
    return out.array();
  }

  private static ModelFormatException damaged(Path path, String what) {
    return new ModelFormatException(path + ": not a tokenizer of llama2.c, or damaged: " + what);
  }
}
