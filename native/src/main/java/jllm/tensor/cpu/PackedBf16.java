package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jllm.tensor.DType;

/** BF16: a line is two columns, the first in the lower halves of the words. */
final class PackedBf16 extends PackedNumbers {
  static final PackedBf16 INSTANCE = new PackedBf16();

  private PackedBf16() {
    super(DType.BF16);
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
        pair.lanewise(LSHL, 16).intoMemorySegment(panel, at + v, ORDER);
        if (k + 1 < to) {
          pair.and(0xffff0000).intoMemorySegment(panel, at + 4L * stride + v, ORDER);
        }
      }
    }
  }
}
