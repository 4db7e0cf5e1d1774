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

/** Weights in Q4_1 and Q4_K. The nibbles are treated as in {@link MatVecQ40}. */
final class MatVecFourBits extends MatVecPairs {
  static final MatVecFourBits Q4_1 =
      new MatVecFourBits(
          new Layout(PackedQ41.INSTANCE, 16, LINE, LINE, 0, PackedQ40.CENTER, PackedQ41::scales));

  static final MatVecFourBits Q4_K =
      new MatVecFourBits(
          new Layout(
              PackedQ4K.INSTANCE,
              PackedQ4K.GROUP,
              PackedQ4K.QUANTS,
              0,
              2 * LINE,
              PackedQ40.CENTER,
              PackedQ4K::scales));

  private static final short NIBBLE = 15;

  private MatVecFourBits(Layout layout) {
    super(layout);
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
    int columns = layout.group();
    long gap = layout.gap();
    long second = layout.second();
    long pairScales = layout.pairScales();
    long p = block + layout.quants();
    FloatVector total = FloatVector.fromMemorySegment(FLOAT, out, target, ORDER);
    int group = k / columns;
    for (int last = group + 2 * pairs;
        group != last;
        group += 2, k += columns, p += gap, scales += pairScales) {
      ShortVector a = IntVector.broadcast(INT, input.starts[group]).reinterpretAsShorts();
      ShortVector b = IntVector.broadcast(INT, input.starts[group + 1]).reinterpretAsShorts();
      for (int end = k + columns; k != end; k += 4, p += LINE) {
        ShortVector nibbles = ShortVector.fromMemorySegment(SHORT, w, p, ORDER);
        a = a.add(nibbles.and(NIBBLE).mul(IntVector.broadcast(INT, x[k]).reinterpretAsShorts()));
        b =
            b.add(
                nibbles
                    .lanewise(LSHR, 4)
                    .and(NIBBLE)
                    .mul(IntVector.broadcast(INT, x[k + columns]).reinterpretAsShorts()));
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
                    .mul(IntVector.broadcast(INT, x[k + columns + 1]).reinterpretAsShorts()));
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
      total =
          FloatVector.fromMemorySegment(FLOAT, scratch, scales + LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, -input.sums[group]), total);
      halves = b.reinterpretAsInts();
      sum =
          halves
              .lanewise(ASHR, 16)
              .add(halves.lanewise(LSHL, 16).lanewise(ASHR, 16))
              .add(input.corrections[group + 1]);
      total =
          ((FloatVector) sum.convertShape(I2F, FLOAT, 0))
              .mul(input.scales[group + 1])
              .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scales + second, ORDER), total);
      total =
          FloatVector.fromMemorySegment(FLOAT, scratch, scales + second + LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, -input.sums[group + 1]), total);
    }
    total.intoMemorySegment(out, target, ORDER);
  }
}
