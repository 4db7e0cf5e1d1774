package jllm.train;

/**
 * AdamW (Loshchilov and Hutter 2019).
 *
 * @param beta1 decay of the mean of the gradients
 * @param beta2 decay of the mean of their squares
 * @param eps added to the root of the latter
 * @param weightDecay decoupled; multiplied by the learning rate
 * @param decayAll whether biases, norms and other vectors decay too
 * @param gradClip gradients are scaled down to this global norm; 0 = never
 * @param stochasticRounding how rounded copies of the weights are made in each step: up or down by
 *     chance ({@link jllm.tensor.StochasticRounding}), or else to nearest
 */
public record OptimizerOptions(
    double beta1,
    double beta2,
    double eps,
    double weightDecay,
    boolean decayAll,
    double gradClip,
    boolean stochasticRounding) {

  /** What most language models are trained with. */
  public static final OptimizerOptions USUAL =
      new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, false, 1, false);

  public OptimizerOptions {
    check(beta1 >= 0 && beta1 < 1, "beta1", beta1, "0 or more and less than 1");
    check(beta2 >= 0 && beta2 < 1, "beta2", beta2, "0 or more and less than 1");
    check(eps > 0 && eps < 1, "epsilon", eps, "more than 0 and less than 1");
    check(
        weightDecay >= 0 && weightDecay < Double.POSITIVE_INFINITY,
        "weight decay",
        weightDecay,
        "0 or more");
    check(
        gradClip >= 0 && gradClip < Double.POSITIVE_INFINITY,
        "gradient clip",
        gradClip,
        "0 (off) or more");
  }

  public OptimizerOptions withStochasticRounding(boolean value) {
    return new OptimizerOptions(beta1, beta2, eps, weightDecay, decayAll, gradClip, value);
  }

  private static void check(boolean valid, String what, double found, String range) {
    if (!valid) {
      throw new SettingsException("the " + what + " is " + found + ", expected " + range);
    }
  }
}
