package jllm.train.model;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import jllm.format.ModelConfig;
import jllm.format.WeightNames;
import jllm.tensor.Shape;

/**
 * The first weights of a model, GPT-2's (Radford et al. 2019, section 2.3): matrices and embeddings
 * normal with a deviation of 0.02, those that write to the residual stream divided by the square
 * root of the number of such layers; norms 1, biases 0. Llama-like models begin so, too.
 *
 * <p>Each number depends on the seed, the name of the weight and its place alone.
 */
public final class Initialization {
  private static final double DEVIATION = 0.02;

  /** Numbers that come from one generator. */
  private static final int CHUNK = 1 << 14;

  private final ModelConfig config;
  private final long seed;

  public Initialization(ModelConfig config, long seed) {
    this.config = config;
    this.seed = seed;
  }

  /**
   * Writes the first values of a weight.
   *
   * @param target F32, row-major
   */
  public void fill(String name, Shape shape, MemorySegment target) {
    if (shape.rank() == 1) {
      float value = name.endsWith("norm.weight") ? 1 : 0;
      for (long i = 0; i < shape.elements(); i++) {
        target.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      }
      return;
    }
    double deviation =
        writesToResidual(name) ? DEVIATION / Math.sqrt(2.0 * config.layers()) : DEVIATION;
    long elements = shape.elements();
    LongStream.range(0, Math.ceilDiv(elements, (long) CHUNK))
        .parallel()
        .forEach(chunk -> fillChunk(name, chunk, elements, deviation, target));
  }

  private void fillChunk(
      String name, long chunk, long elements, double deviation, MemorySegment target) {
    SplittableRandom random =
        new SplittableRandom(new SplittableRandom(seed + name.hashCode()).nextLong() + chunk);
    long end = Math.min(elements, (chunk + 1) * CHUNK);
    for (long i = chunk * CHUNK; i < end; i++) {
      target.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() * deviation));
    }
  }

  private static boolean writesToResidual(String name) {
    return name.contains("." + WeightNames.ATTENTION_OUTPUT + ".")
        || name.contains("." + WeightNames.DOWN + ".")
        || name.contains("." + WeightNames.EXPERT_DOWN + ".");
  }
}
