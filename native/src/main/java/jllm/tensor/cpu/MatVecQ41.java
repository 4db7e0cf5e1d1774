package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.INT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.Lanes.SHORT;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/** Weights in Q4_1. The nibbles are treated as in {@link MatVecQ40}. */
final class MatVecQ41 extends MatVecRoundedPairs {
  /** Columns in the lower nibbles of a block. */
  private static final int GROUP = 16;

  static final MatVecQ41 INSTANCE = new MatVecQ41();

  private static final short NIBBLE = 15;

  private MatVecQ41() {
    super(
        new Layout(PackedQ41.INSTANCE, GROUP, LINE, LINE, 0, PackedQ41::scales), PackedQ40.CENTER);
  }

  @Override
  void vector(
      MemorySegment w,
      long block,
      int k,
      int pairs,
      MatVecInput input,
      MemorySegment scratch,
      long scales,
      MemorySegment out,
      long target) {
    int[] x = input.pairs;
    long p = block + LINE;
    FloatVector total = FloatVector.fromMemorySegment(FLOAT, out, target, ORDER);
    int group = k / GROUP;
    for (int last = group + 2 * pairs;
        group != last;
        group += 2, k += GROUP, p += LINE, scales += 2 * LINE) {
      ShortVector a = IntVector.broadcast(INT, input.starts[group]).reinterpretAsShorts();
      ShortVector b = IntVector.broadcast(INT, input.starts[group + 1]).reinterpretAsShorts();
      for (int end = k + GROUP; k != end; k += 4, p += LINE) {
        ShortVector nibbles = ShortVector.fromMemorySegment(SHORT, w, p, ORDER);
        a = a.add(nibbles.and(NIBBLE).mul(IntVector.broadcast(INT, x[k]).reinterpretAsShorts()));
        b =
            b.add(
                nibbles
                    .lanewise(LSHR, 4)
                    .and(NIBBLE)
                    .mul(IntVector.broadcast(INT, x[k + GROUP]).reinterpretAsShorts()));
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
                    .mul(IntVector.broadcast(INT, x[k + GROUP + 1]).reinterpretAsShorts()));
      }
      IntVector halves = a.reinterpretAsInts();
      IntVector sum =
          halves
              .lanewise(ASHR, 16)
              .add(halves.lanewise(LSHL, 16).lanewise(ASHR, 16))
              .add(input.corrections[group]);
      total =
          ((FloatVector) sum.convertShape(I2F, FLOAT, 0))
              .mul(input.scales[group])
              .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scales, ORDER), total);
      halves = b.reinterpretAsInts();
      sum =
          halves
              .lanewise(ASHR, 16)
              .add(halves.lanewise(LSHL, 16).lanewise(ASHR, 16))
              .add(input.corrections[group + 1]);
      total =
          ((FloatVector) sum.convertShape(I2F, FLOAT, 0))
              .mul(input.scales[group + 1])
              .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scales, ORDER), total);
      total =
          FloatVector.fromMemorySegment(FLOAT, scratch, scales + LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, -input.sums[group] - input.sums[group + 1]), total);
    }
    total.intoMemorySegment(out, target, ORDER);
  }
}
