package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Weights {@code scale * q - minimum} with activations rounded to integers with a scale for each
 * group. Sums of products are integers of 16 bits, two to a word: for them to fit, q is lowered by
 * a center, which is put right afterwards in 32 bits.
 */
abstract class MatVecRoundedPairs extends MatVecPairs {
  private final int center;

  /**
   * @param center what is taken from q
   */
  MatVecRoundedPairs(Layout layout, int center) {
    super(layout);
    this.center = center;
  }

  @Override
  final int roundedGroup() {
    return layout.group();
  }

  @Override
  final int roundedLimit() {
    return Short.MAX_VALUE / (layout.group() / 2 * center);
  }

  @Override
  final void prepare(MatVecInput input, MemorySegment x, long at, int columns) {
    input.integers(x, at, columns, roundedGroup(), roundedLimit(), center);
  }
}
