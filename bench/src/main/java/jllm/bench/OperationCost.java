package jllm.bench;

import java.util.Objects;
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
   * @param operation the name of a method of {@link jllm.tensor.Backend}, or of {@link
   *     jllm.tensor.FusedOperations}
   */
  static OperationCost of(String operation, @Nullable Object[] arguments) {
    return switch (operation) {
      case "linear", "addLinear", "activatedLinear" -> linear(tensor(arguments[1]), arguments, 2);
      case "gatedLinear" -> linear(tensor(arguments[1]), arguments, 2, 4);
      case "linears" -> linear(tensor(arguments[1]), arguments, 2);
      case "store" -> store(arguments);
      case "expertLinear" ->
          experts(tensor(arguments[0]), tensor(arguments[1]), tensor(arguments[2]), all(arguments));
      case "embedding" -> rows(tensor(arguments[0]), tensor(arguments[1]));
      case "copyRows" -> rows(tensor(arguments[2]), tensor(arguments[0]));
      case "attention" -> {
        boolean several = arguments.length > 6 && arguments[6] instanceof Integer;
        int sequences = several ? number(arguments[5]) : 1;
        yield attention(arguments, sequences, number(arguments[several ? 6 : 5]));
      }
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

  private static int number(@Nullable Object argument) {
    return (int) Objects.requireNonNull(argument);
  }

  /** Bytes of all tensors. */
  private static double all(@Nullable Object[] arguments) {
    double bytes = 0;
    for (Object argument : arguments) {
      if (argument instanceof Tensor tensor) {
        bytes += bytes(tensor);
      } else if (argument instanceof Object[] several) {
        bytes += all(several);
      }
    }
    return bytes;
  }

  /**
   * @param weights which arguments are, or are several
   */
  private static OperationCost linear(Tensor x, @Nullable Object[] arguments, int... weights) {
    double elements = 0;
    for (int at : weights) {
      Object[] several =
          arguments[at] instanceof Object[] all ? all : new Object[] {tensor(arguments[at])};
      for (Object weight : several) {
        elements += tensor(weight).shape().elements();
      }
    }
    return new OperationCost(all(arguments), 2.0 * x.rows() * elements);
  }

  /** Of the caches the rows that are written. */
  private static OperationCost store(@Nullable Object[] arguments) {
    double bytes = 2 * bytes(tensor(arguments[1]));
    for (int i = 0; i < 2; i++) {
      bytes += rows(tensor(arguments[2 + i]), tensor(arguments[4 + i])).bytes;
    }
    return new OperationCost(bytes, 0);
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
  private static OperationCost attention(@Nullable Object[] arguments, int sequences, int past) {
    Tensor q = tensor(arguments[1]);
    Tensor k = tensor(arguments[2]);
    Tensor v = tensor(arguments[3]);
    AttentionSpec spec = (AttentionSpec) Objects.requireNonNull(arguments[4]);
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
