package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.INT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** Weights in BF16: the upper half of a word is a float32 once the lower half is cleared. */
final class MatVecBf16 extends MatVecKernel {
  static final MatVecBf16 INSTANCE = new MatVecBf16();

  private static final int UPPER = 0xffff0000;

  private MatVecBf16() {}

  @Override
  void prepare(MatVecInput input, MemorySegment x, long at, int columns) {
    input.floats(x, at, columns, PackedBf16.INSTANCE.paddedColumns(columns));
  }

  @Override
  void multiply(
      MemorySegment weight,
      long tile,
      int columns,
      MatVecInput input,
      MemorySegment scratch,
      long scratchAt,
      MemorySegment out,
      long target) {
    int padded = PackedBf16.INSTANCE.paddedColumns(columns);
    for (long v = 0; v < LINE; v += PackedFormat.VECTOR) {
      vector(weight, tile + v, padded, input.values, out, target + v);
    }
  }

  private static void vector(
      MemorySegment w, long p, int columns, float[] x, MemorySegment out, long target) {
    FloatVector a = FloatVector.zero(FLOAT);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    for (int k = 0; k != columns; k += 4, p += 2 * LINE) {
      IntVector first = IntVector.fromMemorySegment(INT, w, p, ORDER);
      IntVector second = IntVector.fromMemorySegment(INT, w, p + LINE, ORDER);
      a = first.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.broadcast(FLOAT, x[k]), a);
      b = first.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(FLOAT, x[k + 1]), b);
      c =
          second
              .lanewise(LSHL, 16)
              .reinterpretAsFloats()
              .fma(FloatVector.broadcast(FLOAT, x[k + 2]), c);
      d = second.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(FLOAT, x[k + 3]), d);
    }
    a.add(b).add(c.add(d)).intoMemorySegment(out, target, ORDER);
  }
}
