package jllm.tensor.cpu;

import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Weights in F32. */
final class MatVecF32 extends MatVecKernel {
  static final MatVecF32 INSTANCE = new MatVecF32();

  private MatVecF32() {}

  @Override
  void prepare(MatVecInput input, MemorySegment x, long at, int columns) {
    input.floats(x, at, columns, PackedF32.INSTANCE.paddedColumns(columns));
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
    int padded = PackedF32.INSTANCE.paddedColumns(columns);
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
    for (int k = 0; k != columns; k += 4, p += 4 * LINE) {
      a =
          FloatVector.fromMemorySegment(FLOAT, w, p, ORDER)
              .fma(FloatVector.broadcast(FLOAT, x[k]), a);
      b =
          FloatVector.fromMemorySegment(FLOAT, w, p + LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, x[k + 1]), b);
      c =
          FloatVector.fromMemorySegment(FLOAT, w, p + 2 * LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, x[k + 2]), c);
      d =
          FloatVector.fromMemorySegment(FLOAT, w, p + 3 * LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, x[k + 3]), d);
    }
    a.add(b).add(c.add(d)).intoMemorySegment(out, target, ORDER);
  }
}
