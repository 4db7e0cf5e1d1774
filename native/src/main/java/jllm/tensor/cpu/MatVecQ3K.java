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

/** Weights in Q3_K: {@code d * scale * (q - 4)}, q in 0..7. */
final class MatVecQ3K extends MatVecQuarters {
  static final MatVecQ3K INSTANCE = new MatVecQ3K();

  private static final short PAIRS = 0x0303;
  private static final short THIRDS = 0x0404;
  private static final short LOWER = 7;

  private MatVecQ3K() {
    super(PackedQ3K.INSTANCE, PackedQ3K.CENTER);
  }

  @Override
  void scales(MemorySegment weight, long block, long v, MemorySegment target, long at) {
    PackedQ3K.scales(weight, block + v, block + PackedQ3K.SCALES + v / 2, target, at, LINE);
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
      long scale = scales + column / GROUP * LINE;
      column += k;
      int group = column / GROUP;
      long p = block + PackedQ3K.QUANTS + line(part) * LINE;
      int shift = 2 * quarter(part);
      long t = block + line(part) % 8 * LINE;
      // The third bits go to place 2 of their bytes.
      int turn = 4 * half(part) + quarter(part) - 2 & 31;
      ShortVector a = IntVector.broadcast(INT, input.starts[group]).reinterpretAsShorts();
      ShortVector b = IntVector.broadcast(INT, input.starts[group + 2]).reinterpretAsShorts();
      for (int end = column + GROUP; column != end; column += 4, p += LINE, t += LINE) {
        ShortVector pairs = ShortVector.fromMemorySegment(SHORT, w, p, ORDER).lanewise(LSHR, shift);
        ShortVector thirds =
            IntVector.fromMemorySegment(INT, w, t, ORDER).lanewise(ROR, turn).reinterpretAsShorts();
        ShortVector first = pairs.and(PAIRS).or(thirds.and(THIRDS));
        ShortVector second =
            pairs.lanewise(LSHR, 2).and(PAIRS).or(thirds.lanewise(LSHR, 1).and(THIRDS));
        a = a.add(first.and(LOWER).mul(IntVector.broadcast(INT, x[column]).reinterpretAsShorts()));
        b =
            b.add(
                second
                    .and(LOWER)
                    .mul(IntVector.broadcast(INT, x[column + 32]).reinterpretAsShorts()));
        a =
            a.add(
                first
                    .lanewise(LSHR, 8)
                    .mul(IntVector.broadcast(INT, x[column + 1]).reinterpretAsShorts()));
        b =
            b.add(
                second
                    .lanewise(LSHR, 8)
                    .mul(IntVector.broadcast(INT, x[column + 33]).reinterpretAsShorts()));
      }
      IntVector halves = a.reinterpretAsInts();
      IntVector sum = halves.lanewise(ASHR, 16).add(halves.lanewise(LSHL, 16).lanewise(ASHR, 16));
      total =
          ((FloatVector) sum.convertShape(I2F, FLOAT, 0))
              .mul(input.scales[group])
              .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scale, ORDER), total);
      halves = b.reinterpretAsInts();
      sum = halves.lanewise(ASHR, 16).add(halves.lanewise(LSHL, 16).lanewise(ASHR, 16));
      total =
          ((FloatVector) sum.convertShape(I2F, FLOAT, 0))
              .mul(input.scales[group + 2])
              .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scale + 2 * LINE, ORDER), total);
    }
    total.intoMemorySegment(out, target, ORDER);
  }
}
