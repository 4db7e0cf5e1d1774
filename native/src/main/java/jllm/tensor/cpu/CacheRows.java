package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.HALF;
import static jllm.tensor.cpu.Lanes.INT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import jllm.tensor.DType;
import jllm.tensor.Tensor;

/**
 * Rows of a key/value cache in F16, BF16 and Q8_0, row-major as files store these types: written
 * once, and decoded a few at a time while they are in the cache of the core.
 */
final class CacheRows {
  /** Elements of a block of Q8_0, and bytes. */
  private static final int BLOCK = DType.Q8_0.blockLength();

  private static final int BLOCK_BYTES = DType.Q8_0.blockBytes();

  /** There are no vectors of less than 64 bits. */
  private static final boolean QUARTERS = COUNT >= 8;

  private static final VectorSpecies<Byte> QUARTER =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, Lanes.BITS / 4)));

  private CacheRows() {}

  static boolean knows(DType type) {
    return switch (type) {
      case F32, F16, BF16, Q8_0 -> true;
      default -> false;
    };
  }

  /** As {@link jllm.tensor.Backend#copyRows}. */
  static void write(Tensor out, int at, Tensor x) {
    DType type = out.dtype();
    long rowBytes = type.bytes(x.columns());
    long target = at * rowBytes;
    int count = Math.toIntExact(x.shape().elements());
    switch (type) {
      case F32 -> MemorySegment.copy(x.segment(), 0, out.segment(), target, 4L * count);
      case F16 -> writeF16(x.segment(), out.segment(), target, count);
      case BF16 -> OptimizerLoops.round(x.segment(), 0, out.segment(), target, count);
      case Q8_0 -> writeQ80(x.segment(), out.segment(), target, count);
      default -> throw new IllegalArgumentException("no cache in " + out);
    }
  }

  private static void writeF16(MemorySegment x, MemorySegment out, long target, int count) {
    for (int i = 0; i < count; i++) {
      short half = Float.floatToFloat16(x.get(JAVA_FLOAT_UNALIGNED, 4L * i));
      out.set(JAVA_SHORT_UNALIGNED, target + 2L * i, half);
    }
  }

  private static void writeQ80(MemorySegment x, MemorySegment out, long target, int count) {
    for (int block = 0; block < count; block += BLOCK, target += BLOCK_BYTES) {
      float largest = 0;
      for (int i = 0; i < BLOCK; i++) {
        largest = Math.max(largest, Math.abs(x.get(JAVA_FLOAT_UNALIGNED, 4L * (block + i))));
      }
      float scale = largest / 127;
      float inverse = 1 / scale;
      if (!Float.isFinite(inverse)) {
        inverse = 0; // the scale of zeros, or next to it
      }
      out.set(JAVA_SHORT_UNALIGNED, target, Float.floatToFloat16(scale));
      for (int i = 0; i < BLOCK; i++) {
        float value = x.get(JAVA_FLOAT_UNALIGNED, 4L * (block + i)) * inverse;
        out.set(JAVA_BYTE, target + 2 + i, (byte) (value + Math.copySign(0.5, value)));
      }
    }
  }

  /**
   * Decodes elements of a row into float32.
   *
   * @param from byte of the first, at the beginning of a block
   * @param count a multiple of the block length
   */
  static void read(
      DType type, MemorySegment rows, long from, MemorySegment work, long target, int count) {
    switch (type) {
      case F16 -> readF16(rows, from, work, target, count);
      case BF16 -> readBf16(rows, from, work, target, count);
      default -> {
        for (int i = 0; i < count; i += BLOCK, from += BLOCK_BYTES, target += 4L * BLOCK) {
          readQ80(rows, from, work, target);
        }
      }
    }
  }

  private static void readF16(
      MemorySegment rows, long from, MemorySegment work, long target, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      ShortVector.fromMemorySegment(HALF, rows, from + 2L * i, ORDER)
          .convertShape(S2I, INT, 0)
          .reinterpretAsInts()
          .lanewise(LSHL, 13)
          .and(PackedF16.MASK)
          .reinterpretAsFloats()
          .mul(PackedF16.REBIAS)
          .intoMemorySegment(work, target + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float value = Float.float16ToFloat(rows.get(JAVA_SHORT_UNALIGNED, from + 2L * i));
      work.set(JAVA_FLOAT_UNALIGNED, target + 4L * i, value);
    }
  }

  private static void readBf16(
      MemorySegment rows, long from, MemorySegment work, long target, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      ShortVector.fromMemorySegment(HALF, rows, from + 2L * i, ORDER)
          .convertShape(S2I, INT, 0)
          .reinterpretAsInts()
          .lanewise(LSHL, 16)
          .intoMemorySegment(work, target + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      int bits = rows.get(JAVA_SHORT_UNALIGNED, from + 2L * i) << 16;
      work.set(JAVA_FLOAT_UNALIGNED, target + 4L * i, Float.intBitsToFloat(bits));
    }
  }

  private static void readQ80(MemorySegment rows, long from, MemorySegment work, long target) {
    float scale = Float.float16ToFloat(rows.get(JAVA_SHORT_UNALIGNED, from));
    long at = from + 2;
    if (QUARTERS) {
      for (int i = 0; i < BLOCK; i += COUNT) {
        FloatVector values =
            (FloatVector)
                ByteVector.fromMemorySegment(QUARTER, rows, at + i, ORDER)
                    .convertShape(B2F, FLOAT, 0);
        values.mul(scale).intoMemorySegment(work, target + 4L * i, ORDER);
      }
      return;
    }
    for (int i = 0; i < BLOCK; i++) {
      work.set(JAVA_FLOAT_UNALIGNED, target + 4L * i, scale * rows.get(JAVA_BYTE, at + i));
    }
  }
}
