package jllm.tensor.scalar;

import java.lang.foreign.ValueLayout;
import java.util.List;
import jllm.tensor.AdamWStep;
import jllm.tensor.AdamWWeights;
import jllm.tensor.StochasticRounding;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** AdamW (Loshchilov and Hutter 2019, algorithm 2). */
final class Optimizer {
  private Optimizer() {}

  /** See {@link jllm.tensor.TrainingKernels#adamW}. */
  static void adamW(List<AdamWWeights> all, AdamWStep step, Tensor totals) {
    float scale = step.gradientScale(totals);
    if (Float.isNaN(scale)) {
      return;
    }
    long chunk = 0;
    for (AdamWWeights weights : all) {
      update(weights, step, scale);
      Tensor rounded = weights.rounded();
      if (rounded != null) {
        round(rounded, weights.w(), step.rounding(), chunk);
      }
      chunk += StochasticRounding.chunks(weights.w().shape().elements());
    }
  }

  private static void update(AdamWWeights all, AdamWStep step, float scale) {
    Tensor w = all.w();
    Tensor m = all.m();
    Tensor v = all.v();
    for (int row = 0; row < w.rows(); row++) {
      double[] weights = Rows.read(w, row);
      double[] slopes = Rows.read(all.gradient(), row);
      double[] first = Rows.read(m, row);
      double[] second = Rows.read(v, row);
      for (int i = 0; i < weights.length; i++) {
        double g = slopes[i] * scale;
        first[i] = step.beta1() * first[i] + (1.0 - step.beta1()) * g;
        second[i] = step.beta2() * second[i] + (1.0 - step.beta2()) * g * g;
        double mean = first[i] / step.firstCorrection();
        double deviation = Math.sqrt(second[i] / step.secondCorrection());
        weights[i] -=
            step.learningRate()
                * (mean / (deviation + step.eps()) + all.weightDecay() * weights[i]);
      }
      Rows.write(w, row, weights);
      Rows.write(m, row, first);
      Rows.write(v, row, second);
    }
  }

  private static void round(
      Tensor rounded, Tensor w, @Nullable StochasticRounding rounding, long chunk) {
    int columns = w.columns();
    for (int row = 0; row < w.rows(); row++) {
      double[] values = Rows.read(w, row);
      if (rounding == null) {
        Rows.store(rounded, row, values);
        continue;
      }
      for (int i = 0; i < columns; i++) {
        long place = (long) row * columns + i;
        int key = rounding.key(chunk + place / StochasticRounding.CHUNK);
        int inChunk = (int) (place % StochasticRounding.CHUNK);
        short bits = StochasticRounding.round((float) values[i], key, inChunk);
        rounded.segment().setAtIndex(ValueLayout.JAVA_SHORT, place, bits);
      }
    }
  }

  static void addSum(Tensor sum, Tensor x) {
    double total = 0;
    for (int row = 0; row < x.rows(); row++) {
      for (double value : Rows.read(x, row)) {
        total += value;
      }
    }
    Rows.add(sum, 0, new double[] {total});
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
