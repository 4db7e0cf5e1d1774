package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.LSHR;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.INT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Weights in IQ4_NL and IQ4_XS with activations in float32. The values that nibbles stand for have
 * 8 bits: sums of their products with integers would not fit 16 bits, and looked up as floats they
 * need no conversion.
 */
final class MatVecIq4 extends MatVecPairs {
  /** Columns in the lower nibbles of the lines of a pair. */
  private static final int GROUP = 16;

  static final MatVecIq4 NL =
      new MatVecIq4(new Layout(PackedIq4Nl.INSTANCE, GROUP, 0, LINE / 2, 0, PackedIq4Nl::scales));

  static final MatVecIq4 XS =
      new MatVecIq4(new Layout(PackedIq4Xs.INSTANCE, GROUP, 2 * LINE, 0, 0, PackedIq4Xs::scales));

  private MatVecIq4(Layout layout) {
    super(layout);
  }

  @Override
  void prepare(MatVecInput input, MemorySegment x, long at, int columns) {
    input.floats(x, at, columns, columns);
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
    float[] x = input.values;
    long p = block + layout.quants();
    long gap = layout.gap();
    FloatVector total = FloatVector.fromMemorySegment(FLOAT, out, target, ORDER);
    for (int last = k + 2 * GROUP * pairs; k != last; k += GROUP, p += gap, scales += 2 * LINE) {
      FloatVector a = FloatVector.zero(FLOAT);
      FloatVector b = a;
      FloatVector c = a;
      FloatVector d = a;
      for (int end = k + GROUP; k != end; k += 4, p += LINE) {
        IntVector word = IntVector.fromMemorySegment(INT, w, p, ORDER);
        a = Iq4Values.of(word).fma(FloatVector.broadcast(FLOAT, x[k]), a);
        b = Iq4Values.of(word.lanewise(LSHR, 4)).fma(FloatVector.broadcast(FLOAT, x[k + 16]), b);
        c = Iq4Values.of(word.lanewise(LSHR, 8)).fma(FloatVector.broadcast(FLOAT, x[k + 1]), c);
        d = Iq4Values.of(word.lanewise(LSHR, 12)).fma(FloatVector.broadcast(FLOAT, x[k + 17]), d);
        a = Iq4Values.of(word.lanewise(LSHR, 16)).fma(FloatVector.broadcast(FLOAT, x[k + 2]), a);
        b = Iq4Values.of(word.lanewise(LSHR, 20)).fma(FloatVector.broadcast(FLOAT, x[k + 18]), b);
        c = Iq4Values.of(word.lanewise(LSHR, 24)).fma(FloatVector.broadcast(FLOAT, x[k + 3]), c);
        d = Iq4Values.of(word.lanewise(LSHR, 28)).fma(FloatVector.broadcast(FLOAT, x[k + 19]), d);
      }
      total =
          a.add(b)
              .add(c.add(d))
              .fma(FloatVector.fromMemorySegment(FLOAT, scratch, scales, ORDER), total);
    }
    total.intoMemorySegment(out, target, ORDER);
  }
}
