package jllm.tensor;

/**
 * One step of AdamW (Loshchilov and Hutter 2019, algorithm 2): the same for all weights of a group.
 *
 * @param learningRate of this step
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param eps added to the root of the second moment, after its bias correction
 * @param weightDecay decoupled: the weight shrinks by {@code learningRate * weightDecay} of itself
 * @param gradientScale factor on the gradient before anything else: 1, or less where the global
 *     norm is clipped
 * @param step number of this step, from 1, for the bias correction
 */
public record AdamWStep(
    float learningRate,
    float beta1,
    float beta2,
    float eps,
    float weightDecay,
    float gradientScale,
    long step) {
  public AdamWStep {
    if (step < 1) {
      throw new IllegalArgumentException("steps count from 1; found " + step);
    }
  }

  /** {@code 1 - beta1^step}. */
  public double firstCorrection() {
    return 1 - Math.pow(beta1, step);
  }

  /** {@code 1 - beta2^step}. */
  public double secondCorrection() {
    return 1 - Math.pow(beta2, step);
  }
}
