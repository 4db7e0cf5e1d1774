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

  /** What is taken from the numbers, so that their sums fit, and put right afterwards. */
  private static final int CENTER = 2;

  private MatVecQ2K() {
    super(PackedQ2K.INSTANCE, CENTER);
  }

  @Override
  void scales(MemorySegment weight, long block, long v, MemorySegment target, long at) {
    PackedQ2K.scales(weight, block + v, target, at, 2 * LINE, LINE);
  }

  @Override
  void vector(
      MemorySegment w,
      long block,
      int k,
      MatVecInput input,
      MemorySegment scratch,
      long scales,
      MemorySegment out,
      long target) {
    int[] x = input.pairs;
    FloatVector total = FloatVector.fromMemorySegment(FLOAT, out, target, ORDER);
    for (int part = 0; part != PARTS; part++) {
      int column = column(part);
      long scale = scales + column / GROUP * 2 * LINE;
      column += k;
      int group = column / GROUP;
      long p = block + PackedQ2K.QUANTS + line(part) * LINE;
      int shift = 2 * quarter(part);
      ShortVector a = IntVector.broadcast(INT, input.starts[group]).reinterpretAsShorts();
      ShortVector b = IntVector.broadcast(INT, input.starts[group + 2]).reinterpretAsShorts();
      for (int end = column + GROUP; column != end; column += 4, p += LINE) {
        ShortVector pairs = ShortVector.fromMemorySegment(SHORT, w, p, ORDER).lanewise(LSHR, shift);
        a = a.add(pairs.and(PAIR).mul(IntVector.broadcast(INT, x[column]).reinterpretAsShorts()));
        b =
            b.add(
                pairs
                    .lanewise(LSHR, 2)
                    .and(PAIR)
                    .mul(IntVector.broadcast(INT, x[column + 32]).reinterpretAsShorts()));
        a =
            a.add(
                pairs
                    .lanewise(LSHR, 8)
                    .and(PAIR)
                    .mul(IntVector.broadcast(INT, x[column + 1]).reinterpretAsShorts()));
        b =
            b.add(
                pairs
                    .lanewise(LSHR, 10)
                    .and(PAIR)
                    .mul(IntVector.broadcast(INT, x[column + 33]).reinterpretAsShorts()));
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
              .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scale, ORDER), total);
      total =
          FloatVector.fromMemorySegment(FLOAT, scratch, scale + LINE, ORDER)
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
              .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scale + 4 * LINE, ORDER), total);
      total =
          FloatVector.fromMemorySegment(FLOAT, scratch, scale + 5 * LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, -input.sums[group + 2]), total);
    }
    total.intoMemorySegment(out, target, ORDER);
  }
}
