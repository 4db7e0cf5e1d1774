package jllm.tensor.scalar;

import jllm.tensor.AdamWStep;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** AdamW (Loshchilov and Hutter 2019, algorithm 2). */
final class Optimizer {
  private Optimizer() {}

  /** All of the same shape. */
  static void adamW(
      Tensor w, Tensor gradient, Tensor m, Tensor v, AdamWStep step, @Nullable Tensor rounded) {
    for (int row = 0; row < w.rows(); row++) {
      double[] weights = Rows.read(w, row);
      double[] slopes = Rows.read(gradient, row);
      double[] first = Rows.read(m, row);
      double[] second = Rows.read(v, row);
      for (int i = 0; i < weights.length; i++) {
        double g = slopes[i] * step.gradientScale();
        first[i] = step.beta1() * first[i] + (1.0 - step.beta1()) * g;
        second[i] = step.beta2() * second[i] + (1.0 - step.beta2()) * g * g;
        double mean = first[i] / step.firstCorrection();
        double deviation = Math.sqrt(second[i] / step.secondCorrection());
        weights[i] -=
            step.learningRate()
                * (mean / (deviation + step.eps()) + step.weightDecay() * weights[i]);
      }
      Rows.write(w, row, weights);
      Rows.write(m, row, first);
      Rows.write(v, row, second);
      if (rounded != null) {
        Rows.store(rounded, row, Rows.read(w, row));
      }
    }
  }

  static double sumOfSquares(Tensor x) {
    double sum = 0;
    for (int row = 0; row < x.rows(); row++) {
      double[] values = Rows.read(x, row);
      sum += Linears.dot(values, values);
    }
    return sum;
  }
}
