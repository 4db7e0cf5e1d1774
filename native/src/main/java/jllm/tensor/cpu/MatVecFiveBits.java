package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ROR;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.INT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.Lanes.SHORT;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Weights in Q5_0, Q5_1 and Q5_K: nibbles as in {@link MatVecQ40}, whose fifth bits are elsewhere.
 * The fifth bits of the four columns in the bytes of a line are at the same place in the four bytes
 * of a word, those of the upper nibbles one further up, so that a rotation brings them to the
 * nibbles.
 */
final class MatVecFiveBits extends MatVecRoundedPairs {
  static final MatVecFiveBits Q5_0 =
      new MatVecFiveBits(
          new Layout(PackedQ50.INSTANCE, 16, LINE, LINE + LINE / 2, 0, PackedQ50::scales),
          new Fifths(0, 0, 2, 5 * LINE + LINE / 2, 0));

  static final MatVecFiveBits Q5_1 =
      new MatVecFiveBits(
          new Layout(PackedQ51.INSTANCE, 16, 2 * LINE, 2 * LINE, 0, PackedQ51::scales),
          new Fifths(LINE, 0, 2, 6 * LINE, 0));

  static final MatVecFiveBits Q5_K =
      new MatVecFiveBits(
          new Layout(
              PackedQ5K.INSTANCE, PackedQ4K.GROUP, 12 * LINE, 0, 2 * LINE, PackedQ4K::scales),
          new Fifths(4 * LINE, LINE, 0, 0, 2));

  private static final short NIBBLES = 0x0f0f;
  private static final short FIFTHS = 0x1010;
  private static final short LOWER = 0x1f;

  /**
   * Where the fifth bits of lines of nibbles are.
   *
   * @param from bytes from the block to the line with those of the first line of nibbles
   * @param step bytes from there to those of the next line of nibbles
   * @param turn places that they are further up in their bytes then
   * @param pairStep bytes from those of a pair's first line to those of the next pair's
   * @param pairTurn places that they are further up then
   */
  private record Fifths(long from, long step, int turn, long pairStep, int pairTurn) {}

  private final Fifths fifths;

  private MatVecFiveBits(Layout layout, Fifths fifths) {
    super(layout, PackedQ50.CENTER);
    this.fifths = fifths;
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
    long step = fifths.step;
    int turn = fifths.turn;
    long p = block + layout.quants();
    long pairFifths = block + fifths.from;
    // The lowest bit of a byte goes to the fifth place.
    int pairTurn = 32 - 4;
    FloatVector total = FloatVector.fromMemorySegment(FLOAT, out, target, ORDER);
    int group = k / columns;
    for (int last = group + 2 * pairs;
        group != last;
        group += 2, k += columns, p += gap, scales += pairScales) {
      ShortVector a = IntVector.broadcast(INT, input.starts[group]).reinterpretAsShorts();
      ShortVector b = IntVector.broadcast(INT, input.starts[group + 1]).reinterpretAsShorts();
      long f = pairFifths;
      int places = pairTurn;
      for (int end = k + columns; k != end; k += 4, p += LINE, f += step, places += turn) {
        ShortVector nibbles = ShortVector.fromMemorySegment(SHORT, w, p, ORDER);
        ShortVector bits =
            IntVector.fromMemorySegment(INT, w, f, ORDER)
                .lanewise(ROR, places)
                .reinterpretAsShorts();
        ShortVector low = nibbles.and(NIBBLES).or(bits.and(FIFTHS));
        ShortVector high =
            nibbles.lanewise(LSHR, 4).and(NIBBLES).or(bits.lanewise(LSHR, 1).and(FIFTHS));
        a = a.add(low.and(LOWER).mul(IntVector.broadcast(INT, x[k]).reinterpretAsShorts()));
        b =
            b.add(
                high.and(LOWER)
                    .mul(IntVector.broadcast(INT, x[k + columns]).reinterpretAsShorts()));
        a =
            a.add(
                low.lanewise(LSHR, 8)
                    .mul(IntVector.broadcast(INT, x[k + 1]).reinterpretAsShorts()));
        b =
            b.add(
                high.lanewise(LSHR, 8)
                    .mul(IntVector.broadcast(INT, x[k + columns + 1]).reinterpretAsShorts()));
      }
      pairFifths += fifths.pairStep;
      pairTurn += fifths.pairTurn;
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
