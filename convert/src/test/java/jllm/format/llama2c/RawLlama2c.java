package jllm.format.llama2c;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes llama2.c checkpoints for tests. */
public final class RawLlama2c {
  private RawLlama2c() {}

  /**
   * A small checkpoint whose n-th float is n.
   *
   * @param vocab negative: an unshared classifier
   */
  public static byte[] checkpoint(int vocab) {
    int dim = 8;
    int hidden = 12;
    int layers = 2;
    int heads = 2;
    int kvHeads = 1;
    int seqLen = 16;
    int kvDim = dim / heads * kvHeads;
    int table = Math.abs(vocab) * dim;
    int layer = 2 * dim + 2 * dim * dim + 2 * kvDim * dim + 3 * dim * hidden;
    int floats = table * (vocab < 0 ? 2 : 1) + layers * layer + dim + seqLen * dim / heads;
    ByteBuffer out = ByteBuffer.allocate(28 + 4 * floats).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(dim).putInt(hidden).putInt(layers).putInt(heads).putInt(kvHeads).putInt(vocab);
    out.putInt(seqLen);
    for (int i = 0; i < floats; i++) {
      out.putFloat(i);
    }
    return out.array();
  }

  /** A tokenizer: the 256 bytes and a few pieces. */
  public static byte[] tokenizer(int tokens) {
    ByteBuffer out = ByteBuffer.allocate(4 + tokens * 32).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(10);
    for (int id = 0; id < tokens; id++) {
      byte[] text =
          (id < 3 ? "\n" + id : id < 259 ? "<0x%02X>".formatted(id - 3) : " t" + id)
              .getBytes(StandardCharsets.UTF_8);
      out.putFloat(-id).putInt(text.length).put(text);
    }
    byte[] bytes = new byte[out.position()];
    out.flip().get(bytes);
    return bytes;
  }

  public static Path write(Path path, byte[] bytes) throws IOException {
    return Files.write(path, bytes);
  }
}
