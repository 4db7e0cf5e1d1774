package jllm.tensor.cpu;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
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

  private Lanes() {}

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
