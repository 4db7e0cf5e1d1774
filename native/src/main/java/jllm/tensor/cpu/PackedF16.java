package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jllm.tensor.DType;

/**
 * F16: a line is two columns, the first in the lower halves of the words.
 *
 * <p>Sign, exponent and mantissa moved to their places in a float32 make a number that is 2^112
 * times too small, since the exponent's bias is 127 there and 15 here; a multiplication puts that
 * right, for subnormal numbers too.
 */
final class PackedF16 extends PackedNumbers {
  static final PackedF16 INSTANCE = new PackedF16();

  /** The bits of a half, moved by 13 places, that belong to it once its sign was extended. */
  static final int MASK = 0x8fffe000;

  static final float REBIAS = 0x1p112f;

  private PackedF16() {
    super(DType.F16);
  }

  @Override
  public void read(
      MemorySegment weight,
      long base,
      int rows,
      int columns,
      int row,
      int from,
      int to,
      MemorySegment panel,
      long at,
      int stride) {
    long line = base + row / ROWS * tileBytes(columns) + from / 2 * LINE;
    for (int k = from; k < to; k += 2, line += LINE, at += 8L * stride) {
      for (long v = 0; v < LINE; v += VECTOR) {
        IntVector pair = IntVector.fromMemorySegment(Lanes.INT, weight, line + v, ORDER);
        pair.lanewise(LSHL, 16)
            .lanewise(ASHR, 3)
            .and(MASK)
            .reinterpretAsFloats()
            .mul(REBIAS)
            .intoMemorySegment(panel, at + v, ORDER);
        if (k + 1 < to) {
          pair.lanewise(ASHR, 3)
              .and(MASK)
              .reinterpretAsFloats()
              .mul(REBIAS)
              .intoMemorySegment(panel, at + 4L * stride + v, ORDER);
        }
      }
    }
  }
}
