package jllm.tensor.scalar;

import jllm.tensor.Tensor;

/** The loss of language models. */
final class CrossEntropy {
  private CrossEntropy() {}

  /** losses, lse [N, 1]; logits [N, V]; targets I32 [N]. */
  static void forward(Tensor losses, Tensor lse, Tensor logits, Tensor targets) {
    int[] wanted = Rows.readIndices(targets);
    for (int n = 0; n < wanted.length; n++) {
      double[] row = Rows.read(logits, n);
      double logSum = Softmax.logSum(row);
      Rows.write(lse, n, new double[] {logSum});
      Rows.write(losses, n, new double[] {wanted[n] < 0 ? 0 : logSum - row[wanted[n]]});
    }
  }

  /** logits [N, V], which become their derivative; dlosses, lse [N, 1]; targets I32 [N]. */
  static void backward(Tensor logits, Tensor dlosses, Tensor lse, Tensor targets) {
    int[] wanted = Rows.readIndices(targets);
    for (int n = 0; n < wanted.length; n++) {
      double[] row = Rows.read(logits, n);
      double upstream = wanted[n] < 0 ? 0 : Rows.read(dlosses, n)[0];
      double logSum = Rows.read(lse, n)[0];
      for (int v = 0; v < row.length; v++) {
        double p = Math.exp(row[v] - logSum);
        row[v] = upstream == 0 ? 0 : upstream * (v == wanted[n] ? p - 1 : p);
      }
      Rows.write(logits, n, row);
    }
  }
}
