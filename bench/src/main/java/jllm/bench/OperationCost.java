package jllm.bench;

import jllm.tensor.AttentionSpec;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What an operation of a backend costs at least.
 *
 * @param bytes read and written, each operand once
 * @param flops multiplications and additions of products and of attention; 0 of all others, which
 *     memory bounds
 */
record OperationCost(double bytes, double flops) {

  /**
   * The cost of a call.
   *
   * @param operation the name of a method of {@link jllm.tensor.Backend}
   */
  static OperationCost of(String operation, @Nullable Object[] arguments) {
    return switch (operation) {
      case "linear" -> linear(tensor(arguments[1]), tensor(arguments[2]), all(arguments));
      case "expertLinear" ->
          experts(tensor(arguments[0]), tensor(arguments[1]), tensor(arguments[2]), all(arguments));
      case "embedding" -> rows(tensor(arguments[0]), tensor(arguments[1]));
      case "copyRows" -> rows(tensor(arguments[2]), tensor(arguments[0]));
      case "attention" -> attention(arguments);
      default -> new OperationCost(all(arguments), 0);
    };
  }

  private static Tensor tensor(@Nullable Object argument) {
    if (argument instanceof Tensor tensor) {
      return tensor;
    }
    throw new IllegalArgumentException("expected a tensor, found " + argument);
  }

  private static double bytes(Tensor tensor) {
    return Tensor.byteSize(tensor.dtype(), tensor.shape());
  }

  /** Bytes of all tensors. */
  private static double all(@Nullable Object[] arguments) {
    double bytes = 0;
    for (Object argument : arguments) {
      if (argument instanceof Tensor tensor) {
        bytes += bytes(tensor);
      }
    }
    return bytes;
  }

  private static OperationCost linear(Tensor x, Tensor w, double bytes) {
    return new OperationCost(bytes, 2.0 * x.rows() * w.shape().elements());
  }

  /** Weights of as many experts as rows can choose. */
  private static OperationCost experts(Tensor out, Tensor x, Tensor w, double bytes) {
    double used = Math.min(1, (double) out.rows() / w.dim(0));
    return new OperationCost(
        bytes - (1 - used) * bytes(w), 2.0 * out.rows() * w.dim(1) * x.columns());
  }

  /** As many rows of a table as there are in x. */
  private static OperationCost rows(Tensor x, Tensor table) {
    return new OperationCost(
        bytes(x) + (double) x.rows() * table.dtype().bytes(table.columns()), 0);
  }

  /** Keys and values that any query sees, once; products for each pair of query and key. */
  private static OperationCost attention(@Nullable Object[] arguments) {
    Tensor q = tensor(arguments[1]);
    Tensor k = tensor(arguments[2]);
    Tensor v = tensor(arguments[3]);
    AttentionSpec spec = (AttentionSpec) java.util.Objects.requireNonNull(arguments[4]);
    int sequences = (int) java.util.Objects.requireNonNull(arguments[5]);
    int past = (int) java.util.Objects.requireNonNull(arguments[6]);
    int steps = q.rows() / sequences;
    double pairs = 0;
    for (int step = 0; step < steps; step++) {
      int seen = spec.causal() ? past + step + 1 : past + steps;
      pairs += spec.window() > 0 ? Math.min(seen, spec.window()) : seen;
    }
    int first = spec.window() > 0 ? Math.max(0, past + 1 - spec.window()) : 0;
    double keys = (double) sequences * (past + steps - first);
    double row = k.dtype().bytes(k.columns()) + v.dtype().bytes(v.columns());
    return new OperationCost(
        2 * bytes(q) + keys * row, 4 * pairs * sequences * spec.heads() * spec.headDim());
  }
}
