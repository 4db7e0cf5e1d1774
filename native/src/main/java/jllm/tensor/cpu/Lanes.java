package jllm.tensor.cpu;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width that all kernels use, fixed when the class is loaded: the JIT compiles vector
 * code only for species that are constants, and emulates those the hardware lacks a hundred times
 * slower.
 */
final class Lanes {
  /**
   * Tests set this system property to 128, 256 or 512 to run the kernels at a width below the
   * machine's own.
   */
  static final String PROPERTY = "jllm.vector.bits";

  static final VectorShape SHAPE = VectorShape.forBitSize(bits());
  static final int BITS = SHAPE.vectorBitSize();
  static final VectorSpecies<Float> FLOAT = VectorSpecies.of(float.class, SHAPE);
  static final VectorSpecies<Integer> INT = VectorSpecies.of(int.class, SHAPE);

  /** Half as wide as the others: as many lanes. */
  static final VectorSpecies<Short> HALF =
      VectorSpecies.of(short.class, VectorShape.forBitSize(BITS / 2));

  static final VectorSpecies<Short> SHORT = VectorSpecies.of(short.class, SHAPE);

  /** Floats in a vector. */
  static final int COUNT = FLOAT.length();

  static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** How far the lanes move in each step of {@link #sum}. */
  private static final VectorShuffle<Float> HALVES = rotation(COUNT / 2);

  private static final VectorShuffle<Float> QUARTERS = rotation(COUNT / 4);
  private static final VectorShuffle<Float> EIGHTHS = rotation(COUNT / 8);
  private static final VectorShuffle<Float> SIXTEENTHS = rotation(COUNT / 16);

  private Lanes() {}

  private static VectorShuffle<Float> rotation(int by) {
    return VectorShuffle.fromOp(FLOAT, lane -> (lane + by) % COUNT);
  }

  /**
   * The sum of the lanes, always in the same order. {@code reduceLanes} promises none, and the
   * compiled code adds in another one than the interpreter: a run could not be repeated to the last
   * bit. In methods of at most 35 bytes, which the JIT takes into their callers wherever they are:
   * a vector that is handed to another method becomes an object.
   */
  static float sum(FloatVector x) {
    x = x.add(x.rearrange(HALVES));
    return fromFourth(x.add(x.rearrange(QUARTERS)));
  }

  private static float fromFourth(FloatVector x) {
    return COUNT > 4 ? fromEighth(x.add(x.rearrange(EIGHTHS))) : x.lane(0);
  }

  private static float fromEighth(FloatVector x) {
    return (COUNT > 8 ? x.add(x.rearrange(SIXTEENTHS)) : x).lane(0);
  }

  private static int bits() {
    int widest = Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());
    int wanted = Integer.getInteger(PROPERTY, widest);
    if (wanted != 128 && wanted != 256 && wanted != 512) {
      throw new IllegalArgumentException(
          "-D" + PROPERTY + "=" + wanted + ": expected 128, 256 or 512");
    }
    return Math.min(wanted, widest);
  }
}
