package jllm.tensor.cpu;

import static jdk.incubator.vector.IntVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;

/** F32: a line is a column. */
final class PackedF32 extends PackedNumbers {
  static final PackedF32 INSTANCE = new PackedF32();

  private PackedF32() {
    super(DType.F32);
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
    long line = base + row / ROWS * tileBytes(columns) + from * LINE;
    for (int k = from; k < to; k++, line += LINE, at += 4L * stride) {
      for (long v = 0; v < LINE; v += VECTOR) {
        fromMemorySegment(Lanes.INT, weight, line + v, ORDER)
            .intoMemorySegment(panel, at + v, ORDER);
      }
    }
  }
}
