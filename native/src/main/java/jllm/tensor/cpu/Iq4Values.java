package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.GE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jllm.tensor.quant.Iq4;

/** The values that the nibbles of IQ4_NL and IQ4_XS stand for. */
final class Iq4Values {
  private static final int COUNT = Lanes.COUNT;

  /**
   * The bits of as many floats as vectors have lanes: value {@code t * COUNT + lane} is in vector
   * t.
   */
  private static final IntVector FIRST = table(0);

  private static final IntVector SECOND = table(COUNT);
  private static final IntVector THIRD = table(2 * COUNT);
  private static final IntVector FOURTH = table(3 * COUNT);

  private Iq4Values() {}

  private static IntVector table(int from) {
    int[] values = new int[COUNT];
    for (int i = 0; i < COUNT; i++) {
      values[i] = Float.floatToRawIntBits(Iq4.value((from + i) % 16));
    }
    return IntVector.fromArray(Lanes.INT, values, 0);
  }

  /** The values of the lowest nibbles of words; other bits may be set. */
  static FloatVector of(IntVector words) {
    // The selection takes places modulo the number of lanes.
    if (COUNT >= 16) {
      return words.selectFrom(FIRST).reinterpretAsFloats();
    }
    IntVector nibbles = words.and(15);
    IntVector value =
        words.selectFrom(FIRST).blend(words.selectFrom(SECOND), nibbles.compare(GE, COUNT));
    if (COUNT >= 8) {
      return value.reinterpretAsFloats();
    }
    return value
        .blend(words.selectFrom(THIRD), nibbles.compare(GE, 2 * COUNT))
        .blend(words.selectFrom(FOURTH), nibbles.compare(GE, 3 * COUNT))
        .reinterpretAsFloats();
  }
}
