package jllm.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Numbers as bytes. */
final class Floats {
  private static final int PORTION = 1 << 14;

  private Floats() {}

  /** Writes float32 values, little-endian on every machine. */
  static void write(MemorySegment values, OutputStream out) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(PORTION * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    long count = values.byteSize() / Float.BYTES;
    for (long from = 0; from < count; from += PORTION) {
      bytes.clear();
      for (long i = from; i < Math.min(count, from + PORTION); i++) {
        bytes.putFloat(values.getAtIndex(ValueLayout.JAVA_FLOAT, i));
      }
      out.write(bytes.array(), 0, bytes.position());
    }
  }
}
