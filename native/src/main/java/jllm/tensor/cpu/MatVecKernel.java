package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;

/**
 * The product of a tile of weights with one row of activations. A kernel has no state; what it
 * needs to know about the activations is made once for all its tiles.
 *
 * <p>How these loops are written decides their speed, by a factor of two and more: <br>
 * - They end with {@code !=}, which the JIT leaves as they are. Unrolled, it visits lines in an
 * order that defeats the prefetcher. <br>
 * - One stream of lines, with the scales in it, is faster than two. <br>
 * - Vector operations are written out where they are used: a method of our own in their midst is
 * not inlined once the method has grown, and then every vector becomes an object.
 */
abstract class MatVecKernel {
  /** Bytes that a kernel may use for itself in each thread. */
  static final long SCRATCH = 256 * PackedFormat.LINE;

  static MatVecKernel of(DType type) {
    return switch (type) {
      case F32 -> MatVecF32.INSTANCE;
      case F16 -> MatVecF16.INSTANCE;
      case BF16 -> MatVecBf16.INSTANCE;
      case Q8_0 -> MatVecQ80.INSTANCE;
      case Q4_0 -> MatVecQ40.INSTANCE;
      case Q4_K -> MatVecQ4K.INSTANCE;
      case Q6_K -> MatVecQ6K.INSTANCE;
      case Q4_1 -> MatVecQ41.INSTANCE;
      case Q5_0 -> MatVecFiveBits.Q5_0;
      case Q5_1 -> MatVecFiveBits.Q5_1;
      case Q2_K -> MatVecQ2K.INSTANCE;
      case Q3_K -> MatVecQ3K.INSTANCE;
      case Q5_K -> MatVecFiveBits.Q5_K;
      case IQ4_NL -> MatVecIq4.NL;
      case IQ4_XS -> MatVecIq4.XS;
      case F64, I32 -> throw new IllegalArgumentException("no weights are of type " + type);
    };
  }

  /**
   * Columns of activations that are rounded to integers with a common scale, 0 if activations are
   * used as they are.
   */
  int roundedGroup() {
    return 0;
  }

  /** The largest integer that activations are rounded to. */
  int roundedLimit() {
    return 0;
  }

  /** Prepares a row of activations that begins at byte {@code at} of {@code x}. */
  abstract void prepare(MatVecInput input, MemorySegment x, long at, int columns);

  /**
   * Writes the 16 products of a tile.
   *
   * @param tile byte of {@code weight} at which the tile begins
   * @param scratch memory of this thread, {@link #SCRATCH} bytes from {@code scratchAt} on
   * @param target byte of {@code out} for the first product
   */
  abstract void multiply(
      MemorySegment weight,
      long tile,
      int columns,
      MatVecInput input,
      MemorySegment scratch,
      long scratchAt,
      MemorySegment out,
      long target);
}
