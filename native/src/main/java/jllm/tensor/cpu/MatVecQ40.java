package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.HALF;
import static jllm.tensor.cpu.Lanes.INT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.Lanes.SHORT;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Weights in Q4_0 with activations rounded to integers, 32 with one scale. The sums of the 16
 * products of a half of a word are integers of 16 bits: weights reach from -8 to 7, so the integers
 * may reach 255. They are twice as fine as bytes.
 */
final class MatVecQ40 extends MatVecKernel {
  static final MatVecQ40 INSTANCE = new MatVecQ40();

  static final int LIMIT = Short.MAX_VALUE / (PackedQ40.LENGTH / 2 * PackedQ40.CENTER);

  private static final short NIBBLE = 15;

  private MatVecQ40() {}

  @Override
  int roundedGroup() {
    return PackedQ40.LENGTH;
  }

  @Override
  int roundedLimit() {
    return LIMIT;
  }

  @Override
  void prepare(MatVecInput input, MemorySegment x, long at, int columns) {
    input.integers(x, at, columns, roundedGroup(), roundedLimit(), PackedQ40.CENTER);
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
    int blocks = columns / PackedQ40.LENGTH;
    for (long v = 0; v < LINE; v += PackedFormat.VECTOR) {
      vector(
          weight,
          tile + v,
          tile + PackedQ40.SCALES + v / 2,
          blocks,
          input.pairs,
          input.starts,
          input.scales,
          out,
          target + v);
    }
  }

  private static void vector(
      MemorySegment w,
      long p,
      long s,
      int blocks,
      int[] x,
      int[] starts,
      float[] scales,
      MemorySegment out,
      long target) {
    FloatVector total = FloatVector.zero(FLOAT);
    for (int block = 0, k = 0;
        block != blocks;
        block++, k += 16, p += LINE / 2, s += 4 * LINE + LINE / 2) {
      ShortVector a = IntVector.broadcast(INT, starts[block]).reinterpretAsShorts();
      ShortVector b = ShortVector.zero(SHORT);
      for (int end = k + 16; k != end; k += 4, p += LINE) {
        ShortVector nibbles = ShortVector.fromMemorySegment(SHORT, w, p, ORDER);
        a = a.add(nibbles.and(NIBBLE).mul(IntVector.broadcast(INT, x[k]).reinterpretAsShorts()));
        b =
            b.add(
                nibbles
                    .lanewise(LSHR, 4)
                    .and(NIBBLE)
                    .mul(IntVector.broadcast(INT, x[k + 16]).reinterpretAsShorts()));
        a =
            a.add(
                nibbles
                    .lanewise(LSHR, 8)
                    .and(NIBBLE)
                    .mul(IntVector.broadcast(INT, x[k + 1]).reinterpretAsShorts()));
        b =
            b.add(
                nibbles
                    .lanewise(LSHR, 12)
                    .mul(IntVector.broadcast(INT, x[k + 17]).reinterpretAsShorts()));
      }
      IntVector halves = a.add(b).reinterpretAsInts();
      IntVector sum = halves.lanewise(ASHR, 16).add(halves.lanewise(LSHL, 16).lanewise(ASHR, 16));
      FloatVector scale =
          ((IntVector) ShortVector.fromMemorySegment(HALF, w, s, ORDER).convertShape(S2I, INT, 0))
              .lanewise(LSHL, 13)
              .and(PackedF16.MASK)
              .reinterpretAsFloats()
              .mul(PackedF16.REBIAS);
      total = ((FloatVector) sum.convertShape(I2F, FLOAT, 0)).mul(scales[block]).fma(scale, total);
    }
    total.intoMemorySegment(out, target, ORDER);
  }
}
