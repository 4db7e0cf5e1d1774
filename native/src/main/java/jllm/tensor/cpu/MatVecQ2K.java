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

/** Weights in Q2_K: {@code d * scale * q - dmin * min}, q in 0..3. */
final class MatVecQ2K extends MatVecQuarters {
  static final MatVecQ2K INSTANCE = new MatVecQ2K();

  private static final short PAIR = 3;

  private MatVecQ2K() {
    super(PackedQ2K.INSTANCE, PackedQ2K.QUANTS, 2 * LINE, 2);
  }

  @Override
  void scales(MemorySegment weight, long block, long v, MemorySegment target, long at) {
    PackedQ2K.scales(weight, block + v, target, at, 2 * LINE, LINE);
  }

  @Override
  void vector(
      MemorySegment w,
      long p,
      int shift,
      long t,
      int third,
      int k,
      MatVecInput input,
      MemorySegment scratch,
      long scales,
      MemorySegment out,
      long target) {
    int[] x = input.pairs;
    int group = k / GROUP;
    ShortVector a = IntVector.broadcast(INT, input.starts[group]).reinterpretAsShorts();
    ShortVector b = IntVector.broadcast(INT, input.starts[group + 2]).reinterpretAsShorts();
    for (int end = k + GROUP; k != end; k += 4, p += LINE) {
      ShortVector pairs = ShortVector.fromMemorySegment(SHORT, w, p, ORDER).lanewise(LSHR, shift);
      a = a.add(pairs.and(PAIR).mul(IntVector.broadcast(INT, x[k]).reinterpretAsShorts()));
      b =
          b.add(
              pairs
                  .lanewise(LSHR, 2)
                  .and(PAIR)
                  .mul(IntVector.broadcast(INT, x[k + 32]).reinterpretAsShorts()));
      a =
          a.add(
              pairs
                  .lanewise(LSHR, 8)
                  .and(PAIR)
                  .mul(IntVector.broadcast(INT, x[k + 1]).reinterpretAsShorts()));
      b =
          b.add(
              pairs
                  .lanewise(LSHR, 10)
                  .and(PAIR)
                  .mul(IntVector.broadcast(INT, x[k + 33]).reinterpretAsShorts()));
    }
    FloatVector total = FloatVector.fromMemorySegment(FLOAT, out, target, ORDER);
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
    total =
        FloatVector.fromMemorySegment(FLOAT, scratch, scales + LINE, ORDER)
            .fma(FloatVector.broadcast(FLOAT, -input.sums[group]), total);
    halves = b.reinterpretAsInts();
    sum =
        halves
            .lanewise(ASHR, 16)
            .add(halves.lanewise(LSHL, 16).lanewise(ASHR, 16))
            .add(input.corrections[group + 2]);
    total =
        ((FloatVector) sum.convertShape(I2F, FLOAT, 0))
            .mul(input.scales[group + 2])
            .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scales + 4 * LINE, ORDER), total);
    FloatVector.fromMemorySegment(FLOAT, scratch, scales + 5 * LINE, ORDER)
        .fma(FloatVector.broadcast(FLOAT, -input.sums[group + 2]), total)
        .intoMemorySegment(out, target, ORDER);
  }
}
