package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ROL;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.HALF;
import static jllm.tensor.cpu.Lanes.INT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Weights in Q8_0 with activations in float32. A byte in the upper bits of the mantissa of 256.0
 * makes 256 plus that byte, without a conversion; as bytes were packed with an offset of 128, each
 * sum begins with -384 times the sum of the activations in its block.
 */
final class MatVecQ80 extends MatVecKernel {
  static final MatVecQ80 INSTANCE = new MatVecQ80();

  private static final int BYTE = 0xff << 15;
  private static final int BASE = Float.floatToRawIntBits(256);

  private MatVecQ80() {}

  @Override
  void prepare(MatVecInput input, MemorySegment x, long at, int columns) {
    input.floatsWithSums(x, at, columns, PackedQ80.LENGTH, -(256 + 128));
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
    int blocks = columns / PackedQ80.LENGTH;
    for (long v = 0; v < LINE; v += PackedFormat.VECTOR) {
      vector(
          weight,
          tile + v,
          tile + PackedQ80.SCALES + v / 2,
          blocks,
          input.values,
          input.sums,
          out,
          target + v);
    }
  }

  private static void vector(
      MemorySegment w,
      long p,
      long s,
      int blocks,
      float[] x,
      float[] sums,
      MemorySegment out,
      long target) {
    FloatVector zero = FloatVector.zero(FLOAT);
    FloatVector total = zero;
    for (int block = 0, k = 0; block != blocks; block++, p += LINE / 2, s += 8 * LINE + LINE / 2) {
      FloatVector a = FloatVector.broadcast(FLOAT, sums[block]);
      FloatVector b = zero;
      FloatVector c = zero;
      FloatVector d = zero;
      for (int end = k + PackedQ80.LENGTH; k != end; k += 4, p += LINE) {
        IntVector word = IntVector.fromMemorySegment(INT, w, p, ORDER);
        a =
            word.and(BYTE)
                .or(BASE)
                .reinterpretAsFloats()
                .fma(FloatVector.broadcast(FLOAT, x[k]), a);
        b =
            word.lanewise(LSHR, 8)
                .and(BYTE)
                .or(BASE)
                .reinterpretAsFloats()
                .fma(FloatVector.broadcast(FLOAT, x[k + 1]), b);
        c =
            word.lanewise(ROL, 16)
                .and(BYTE)
                .or(BASE)
                .reinterpretAsFloats()
                .fma(FloatVector.broadcast(FLOAT, x[k + 2]), c);
        d =
            word.lanewise(LSHL, 8)
                .and(BYTE)
                .or(BASE)
                .reinterpretAsFloats()
                .fma(FloatVector.broadcast(FLOAT, x[k + 3]), d);
      }
      FloatVector scale =
          ((IntVector) ShortVector.fromMemorySegment(HALF, w, s, ORDER).convertShape(S2I, INT, 0))
              .lanewise(LSHL, 13)
              .and(PackedF16.MASK)
              .reinterpretAsFloats()
              .mul(PackedF16.REBIAS);
      total = a.add(b).add(c.add(d)).fma(scale, total);
    }
    total.intoMemorySegment(out, target, ORDER);
  }
}
