package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.GE;

import jdk.incubator.vector.IntVector;
import jllm.tensor.quant.Iq4;

/** The values that the nibbles of IQ4_NL and IQ4_XS stand for. */
final class Iq4Values {
  private static final int COUNT = Lanes.COUNT;

  /** As many as vectors have lanes: value {@code t * COUNT + lane} is in vector t. */
  private static final IntVector FIRST = table(0);

  private static final IntVector SECOND = table(COUNT);
  private static final IntVector THIRD = table(2 * COUNT);
  private static final IntVector FOURTH = table(3 * COUNT);

  private Iq4Values() {}

  private static IntVector table(int from) {
    int[] values = new int[COUNT];
    for (int i = 0; i < COUNT; i++) {
      values[i] = Iq4.value((from + i) % 16);
    }
    return IntVector.fromArray(Lanes.INT, values, 0);
  }

  /** The values of nibbles. */
  static IntVector of(IntVector nibbles) {
    if (COUNT >= 16) {
      return nibbles.selectFrom(FIRST);
    }
    IntVector place = nibbles.and(COUNT - 1);
    IntVector value =
        place.selectFrom(FIRST).blend(place.selectFrom(SECOND), nibbles.compare(GE, COUNT));
    if (COUNT >= 8) {
      return value;
    }
    return value
        .blend(place.selectFrom(THIRD), nibbles.compare(GE, 2 * COUNT))
        .blend(place.selectFrom(FOURTH), nibbles.compare(GE, 3 * COUNT));
  }
}
