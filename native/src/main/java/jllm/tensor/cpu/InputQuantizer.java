package jllm.tensor.cpu;

import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Rounds activations to integers with a scale for each group of columns, for the weights of few
 * bits, whose products are summed in integers of 16 bits: {@code x = scale * q, |q| <= limit}.
 */
final class InputQuantizer {
  /** A group below this is zero; its scale would have no reciprocal. */
  private static final float SMALLEST = 0x1p-110f;

  /**
   * Adding it rounds a small number to an integer, half to even, and puts that into the low bits of
   * the mantissa.
   */
  private static final float ROUND = 0x1.8p23f;

  private InputQuantizer() {}

  /**
   * Rounds a row.
   *
   * @param at byte of {@code x} at which the row begins
   * @param columns a multiple of {@code group}
   * @param group a multiple of 16
   * @param q receives the integers
   * @param scales receives the scale of each group
   */
  static void quantize(
      MemorySegment x, long at, int columns, int group, int limit, int[] q, float[] scales) {
    for (int column = 0, g = 0; column < columns; column += group, g++) {
      float largest = largest(x, at + 4L * column, group);
      float inverse = largest < SMALLEST ? 0 : limit / largest;
      scales[g] = largest < SMALLEST ? 0 : largest / limit;
      for (int i = 0; i < group; i += Lanes.COUNT) {
        FloatVector.fromMemorySegment(FLOAT, x, at + 4L * (column + i), ORDER)
            .mul(inverse)
            .add(ROUND)
            .reinterpretAsInts()
            .sub(Float.floatToRawIntBits(ROUND))
            .intoArray(q, column + i);
      }
    }
  }

  private static float largest(MemorySegment x, long at, int count) {
    FloatVector largest = FloatVector.zero(FLOAT);
    for (int i = 0; i < count; i += Lanes.COUNT) {
      largest = largest.max(FloatVector.fromMemorySegment(FLOAT, x, at + 4L * i, ORDER).abs());
    }
    return largest.reduceLanes(VectorOperators.MAX);
  }

  /** Writes back what was rounded, as floats. */
  static void restore(int[] q, float[] scales, int columns, int group, MemorySegment out, long at) {
    for (int column = 0, g = 0; column < columns; column += group, g++) {
      for (int i = 0; i < group; i += Lanes.COUNT) {
        IntVector integers = IntVector.fromArray(Lanes.INT, q, column + i);
        ((FloatVector) integers.convertShape(VectorOperators.I2F, FLOAT, 0))
            .mul(scales[g])
            .intoMemorySegment(out, at + 4L * (column + i), ORDER);
      }
    }
  }
}
