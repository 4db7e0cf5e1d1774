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
 * Weights in Q4_K with activations rounded to integers, 32 with one scale. The nibbles are treated
 * as in {@link MatVecQ40}: for the sums to fit 16 bits they are lowered by 8, which is put right
 * afterwards in 32 bits.
 */
final class MatVecQ4K extends MatVecKernel {
  static final MatVecQ4K INSTANCE = new MatVecQ4K();

  private static final short NIBBLE = 15;

  private MatVecQ4K() {}

  @Override
  int roundedGroup() {
    return PackedQ4K.GROUP;
  }

  @Override
  int roundedLimit() {
    return MatVecQ40.LIMIT;
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
    for (long v = 0; v < LINE; v += PackedFormat.VECTOR) {
      FloatVector.zero(FLOAT).intoMemorySegment(out, target + v, ORDER);
      long block = tile + v;
      for (int k = 0; k < columns; k += PackedQ4K.LENGTH, block += 36 * LINE) {
        PackedQ4K.scales(weight, block, scratch, scratchAt, 2 * LINE, LINE);
        vector(weight, block + PackedQ4K.QUANTS, k, input, scratch, scratchAt, out, target + v);
      }
    }
  }

  /** Adds the products of a block, two groups at a time. */
  private static void vector(
      MemorySegment w,
      long p,
      int k,
      MatVecInput input,
      MemorySegment scratch,
      long scales,
      MemorySegment out,
      long target) {
    int[] x = input.pairs;
    FloatVector total = FloatVector.fromMemorySegment(FLOAT, out, target, ORDER);
    int group = k / PackedQ4K.GROUP;
    for (int last = group + 8;
        group != last;
        group += 2, k += PackedQ4K.GROUP, scales += 4 * LINE) {
      ShortVector a = IntVector.broadcast(INT, input.starts[group]).reinterpretAsShorts();
      ShortVector b = IntVector.broadcast(INT, input.starts[group + 1]).reinterpretAsShorts();
      for (int end = k + PackedQ4K.GROUP; k != end; k += 4, p += LINE) {
        ShortVector nibbles = ShortVector.fromMemorySegment(SHORT, w, p, ORDER);
        a = a.add(nibbles.and(NIBBLE).mul(IntVector.broadcast(INT, x[k]).reinterpretAsShorts()));
        b =
            b.add(
                nibbles
                    .lanewise(LSHR, 4)
                    .and(NIBBLE)
                    .mul(IntVector.broadcast(INT, x[k + 32]).reinterpretAsShorts()));
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
                    .mul(IntVector.broadcast(INT, x[k + 33]).reinterpretAsShorts()));
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
              .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scales + 2 * LINE, ORDER), total);
      total =
          FloatVector.fromMemorySegment(FLOAT, scratch, scales + 3 * LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, -input.sums[group + 1]), total);
    }
    total.intoMemorySegment(out, target, ORDER);
  }
}
