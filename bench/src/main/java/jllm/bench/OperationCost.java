package jllm.bench;

import java.util.List;
import java.util.Objects;
import jllm.tensor.AdamWWeights;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
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
   * @param operation the name of a method of {@link jllm.tensor.Backend}, of {@link
   *     jllm.tensor.FusedOperations} or of {@link jllm.tensor.TrainingKernels}
   */
  static OperationCost of(String operation, @Nullable Object[] arguments) {
    return switch (operation) {
      case "linear", "addLinear", "activatedLinear", "roundedLogits" ->
          linear(tensor(arguments[1]), arguments, 2);
      case "gatedLinear" -> linear(tensor(arguments[1]), arguments, 2, 4);
      case "linears" -> linear(tensor(arguments[1]), arguments, 2);
      case "store" -> store(arguments);
      case "expertLinear" ->
          experts(tensor(arguments[0]), tensor(arguments[1]), tensor(arguments[2]), all(arguments));
      case "embedding" -> rows(tensor(arguments[0]), tensor(arguments[1]));
      case "copyRows" -> rows(tensor(arguments[2]), tensor(arguments[0]));
      case "attention" -> {
        if (arguments[5] instanceof TrainingAttention training) {
          yield new OperationCost(all(arguments), 4 * multiplied(training, tensor(arguments[2])));
        }
        boolean several = arguments.length > 6 && arguments[6] instanceof Integer;
        int sequences = several ? number(arguments[5]) : 1;
        yield attention(arguments, sequences, number(arguments[several ? 6 : 5]));
      }
      case "attentionBackward" -> attentionBackward(arguments);
      case "linearBackward", "linearBackwardActivated" -> linearBackward(arguments);
      case "linearBackwardInput" ->
          new OperationCost(all(arguments), product(tensor(arguments[1]), tensor(arguments[2])));
      case "linearBackwardWeight" -> {
        Tensor dw = tensor(arguments[0]);
        yield new OperationCost(all(arguments) + bytes(dw), product(tensor(arguments[1]), dw));
      }
      case "expertLinearBackwardInput" ->
          experts(tensor(arguments[1]), tensor(arguments[0]), tensor(arguments[2]), all(arguments));
      case "expertLinearBackwardWeight" ->
          experts(tensor(arguments[1]), tensor(arguments[2]), tensor(arguments[0]), all(arguments));
      case "crossEntropyRounded" ->
          new OperationCost(all(arguments) + bytes(tensor(arguments[1])), 0);
      case "rescaleRounded" -> new OperationCost(bytes(tensor(arguments[1])), 0);
      case "embeddingBackward" -> new OperationCost(3 * bytes(tensor(arguments[1])), 0);
      case "adamW" -> new OperationCost(updated(arguments[0]), 0);
      case "rmsNormBackward",
          "layerNormBackward",
          "ropeBackward",
          "activateBackward",
          "dropoutBackward" ->
          added(arguments, 1);
      case "gatedBackward" -> added(arguments, 2);
      case "addScaled", "addProduct", "softCapBackward", "softmaxBackward" ->
          new OperationCost(all(arguments) + bytes(tensor(arguments[0])), 0);
      default -> new OperationCost(all(arguments), 0);
    };
  }

  /** Derivatives that are added to, which their last argument can deny, are read as well. */
  private static OperationCost added(@Nullable Object[] arguments, int derivatives) {
    double bytes = all(arguments);
    for (int i = 0; adds(arguments) && i < derivatives; i++) {
      bytes += bytes(tensor(arguments[i]));
    }
    return new OperationCost(bytes, 0);
  }

  private static boolean adds(@Nullable Object[] arguments) {
    return !Boolean.FALSE.equals(arguments[arguments.length - 1]);
  }

  private static double product(Tensor rows, Tensor weight) {
    return 2.0 * rows.rows() * weight.shape().elements();
  }

  /** Of those derivatives that are wanted; gradients of weights are added to. */
  private static OperationCost linearBackward(@Nullable Object[] arguments) {
    double bytes = all(arguments);
    double one = product(tensor(arguments[3]), tensor(arguments[5]));
    double flops = 0;
    if (arguments[0] instanceof Tensor dx) {
      flops += one;
      bytes += Boolean.TRUE.equals(arguments[6]) ? bytes(dx) : 0;
    }
    if (arguments[1] instanceof Tensor dw) {
      flops += one;
      bytes += bytes(dw);
    }
    return new OperationCost(bytes, flops);
  }

  /** Four products; that of the scores, which are computed again, is not counted. */
  private static OperationCost attentionBackward(@Nullable Object[] arguments) {
    TrainingAttention attention = (TrainingAttention) Objects.requireNonNull(arguments[9]);
    return new OperationCost(
        added(arguments, 3).bytes, 8 * multiplied(attention, tensor(arguments[6])));
  }

  /** Pairs of a query and a key that it sees, times the components of all heads. */
  private static double multiplied(TrainingAttention attention, Tensor q) {
    AttentionSpec spec = attention.spec();
    int steps = q.rows() / attention.sequences();
    return pairs(spec, steps, 0) * attention.sequences() * spec.heads() * spec.headDim();
  }

  /** Weights and moments are read and written, gradients read, rounded weights written. */
  private static double updated(@Nullable Object weights) {
    double bytes = 0;
    for (Object each : (List<?>) Objects.requireNonNull(weights)) {
      AdamWWeights one = (AdamWWeights) each;
      bytes += 7 * bytes(one.w()) + (one.rounded() == null ? 0 : bytes(one.rounded()));
    }
    return bytes;
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
      } else if (argument instanceof List<?> several) {
        bytes += all(several.toArray());
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
    int first = spec.window() > 0 ? Math.max(0, past + 1 - spec.window()) : 0;
    double keys = (double) sequences * (past + steps - first);
    double row = k.dtype().bytes(k.columns()) + v.dtype().bytes(v.columns());
    return new OperationCost(
        2 * bytes(q) + keys * row,
        4 * pairs(spec, steps, past) * sequences * spec.heads() * spec.headDim());
  }

  /** Of a query and a key that it sees, in one sequence. */
  private static double pairs(AttentionSpec spec, int steps, int past) {
    double pairs = 0;
    for (int step = 0; step < steps; step++) {
      int seen = spec.causal() ? past + step + 1 : past + steps;
      pairs += spec.window() > 0 ? Math.min(seen, spec.window()) : seen;
    }
    return pairs;
  }
}
