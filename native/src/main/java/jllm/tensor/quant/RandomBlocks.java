package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import jllm.tensor.Tensor;

/** Random weights of any type: for tests, and for models that only measure speed. */
public final class RandomBlocks {
  private RandomBlocks() {}

  /**
   * Overwrites a tensor with finite random values of mean about 0 and standard deviation about
   * {@code sigma}; see {@link BlockCodec#randomize}.
   */
  public static void fill(Tensor tensor, RandomGenerator random, float sigma) {
    BlockCodec codec = BlockCodec.of(tensor.dtype());
    MemorySegment memory = tensor.segment();
    int columns = tensor.columns();
    long rowBytes = tensor.dtype().bytes(columns);
    for (long row = 0; row < tensor.shape().rows(); row++) {
      codec.randomize(memory, row * rowBytes, columns, random, sigma);
    }
  }
}
