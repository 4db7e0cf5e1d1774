package jllm.tensor;

import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * One step of AdamW (Loshchilov and Hutter 2019, algorithm 2) over all that is trained.
 *
 * @param learningRate of this step
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param eps added to the root of the second moment, after its bias correction
 * @param clip gradients are scaled down to this norm of all of them together; 0 = never
 * @param step number of this step, from 1, for the bias correction
 * @param rounding of the copies that the model computes with; absent: to nearest
 */
public record AdamWStep(
    float learningRate,
    float beta1,
    float beta2,
    float eps,
    double clip,
    long step,
    @Nullable StochasticRounding rounding) {
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

  /**
   * The factor on gradients, as PyTorch's {@code clip_grad_norm_} has it.
   *
   * @param totals of {@link TrainingKernels#adamW}, in host memory
   * @return NaN if one of the totals is not finite: then nothing must change
   */
  public float gradientScale(Tensor totals) {
    double loss = totals.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, 0);
    double norm = totals.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, 1);
    if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
      return Float.NaN;
    }
    return clip > 0 && norm > clip ? (float) (clip / (norm + 1e-6)) : 1;
  }
}
