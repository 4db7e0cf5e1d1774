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

/**
 * Weights in Q6_K with activations rounded to integers, 16 with one scale. The sums of the 8
 * products of a half of a word are integers of 16 bits: weights reach from -32 to 31, so the
 * integers may reach 127.
 */
final class MatVecQ6K extends MatVecKernel {
  static final MatVecQ6K INSTANCE = new MatVecQ6K();

  static final int LIMIT = Short.MAX_VALUE / (PackedQ6K.GROUP / 2 * PackedQ6K.CENTER);

  private static final short LOW = 15;
  private static final short HIGH = 48;

  private MatVecQ6K() {}

  @Override
  int roundedGroup() {
    return PackedQ6K.GROUP;
  }

  @Override
  int roundedLimit() {
    return LIMIT;
  }

  @Override
  void prepare(MatVecInput input, MemorySegment x, long at, int columns) {
    input.integers(x, at, columns, roundedGroup(), roundedLimit(), PackedQ6K.CENTER);
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
    for (int v = 0; v < PackedFormat.GROUPS; v++) {
      long sums = target + v * PackedFormat.VECTOR;
      FloatVector.zero(FLOAT).intoMemorySegment(out, sums, ORDER);
      long block = tile;
      for (int k = 0;
          k < columns;
          k += PackedQ6K.LENGTH, block += PackedQ6K.INSTANCE.packedBytes()) {
        PackedQ6K.scales(weight, block, v, scratch, scratchAt, LINE);
        long lines = block + PackedQ6K.QUANTS + v * PackedFormat.VECTOR;
        for (int part = 0; part < 4; part++) {
          // 4 columns of each quarter of a half at a time; a half has two of 16.
          int first = part / 2 * 128 + part % 2 * 16;
          long at = scratchAt + first / PackedQ6K.GROUP * LINE;
          vector(weight, lines, 0, k + first, input, scratch, at, out, sums);
          vector(weight, lines + LINE, 2, k + first + 32, input, scratch, at + 2 * LINE, out, sums);
          lines += 12 * LINE;
        }
      }
    }
  }

  /**
   * Adds the products of 16 columns of two quarters.
   *
   * @param p byte of the first line with their low bits; the high bits are in every third line
   * @param shift of the high bits: 0 for quarters 0 and 2, 2 for quarters 1 and 3
   * @param k first column of the first of the two quarters; the other is 64 columns on
   * @param scales byte of {@code scratch} with the scale of the first group
   */
  private static void vector(
      MemorySegment w,
      long p,
      int shift,
      int k,
      MatVecInput input,
      MemorySegment scratch,
      long scales,
      MemorySegment out,
      long target) {
    int[] x = input.pairs;
    int group = k / PackedQ6K.GROUP;
    ShortVector a = IntVector.broadcast(INT, input.starts[group]).reinterpretAsShorts();
    ShortVector b = IntVector.broadcast(INT, input.starts[group + 4]).reinterpretAsShorts();
    long h = p + 2 * LINE - shift / 2 * LINE;
    for (int end = k + PackedQ6K.GROUP; k != end; k += 4, p += 3 * LINE, h += 3 * LINE) {
      ShortVector low = ShortVector.fromMemorySegment(SHORT, w, p, ORDER);
      ShortVector high = ShortVector.fromMemorySegment(SHORT, w, h, ORDER).lanewise(LSHR, shift);
      a =
          a.add(
              low.and(LOW)
                  .or(high.lanewise(LSHL, 4).and(HIGH))
                  .mul(IntVector.broadcast(INT, x[k]).reinterpretAsShorts()));
      b =
          b.add(
              low.lanewise(LSHR, 4)
                  .and(LOW)
                  .or(high.and(HIGH))
                  .mul(IntVector.broadcast(INT, x[k + 64]).reinterpretAsShorts()));
      a =
          a.add(
              low.lanewise(LSHR, 8)
                  .and(LOW)
                  .or(high.lanewise(LSHR, 4).and(HIGH))
                  .mul(IntVector.broadcast(INT, x[k + 1]).reinterpretAsShorts()));
      b =
          b.add(
              low.lanewise(LSHR, 12)
                  .or(high.lanewise(LSHR, 8).and(HIGH))
                  .mul(IntVector.broadcast(INT, x[k + 65]).reinterpretAsShorts()));
    }
    FloatVector total = FloatVector.fromMemorySegment(FLOAT, out, target, ORDER);
    IntVector halves = a.reinterpretAsInts();
    IntVector sum = halves.lanewise(ASHR, 16).add(halves.lanewise(LSHL, 16).lanewise(ASHR, 16));
    total =
        ((FloatVector) sum.convertShape(I2F, FLOAT, 0))
            .mul(input.scales[group])
            .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scales, ORDER), total);
    halves = b.reinterpretAsInts();
    sum = halves.lanewise(ASHR, 16).add(halves.lanewise(LSHL, 16).lanewise(ASHR, 16));
    ((FloatVector) sum.convertShape(I2F, FLOAT, 0))
        .mul(input.scales[group + 4])
        .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scales + 4 * LINE, ORDER), total)
        .intoMemorySegment(out, target, ORDER);
  }
}
