package jllm.model;

import java.util.function.Predicate;
import jllm.format.WeightSource;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.grad.Parameters;
import jllm.tensor.grad.Parameters.Parameter;

/**
 * Weights that are trained where the source has them, each registered with a gradient; those that
 * are not trained are adopted.
 */
final class TrainedWeights implements Weights {
  private final WeightSource source;
  private final Weights frozen;
  private final Predicate<String> trained;
  private final Parameters parameters;
  private final DType type;
  private final Memory memory;

  /**
   * @param frozen hands out what is not trained
   * @param trained by name
   * @param parameters receives what is trained
   * @param type of activations and gradients
   * @param memory of the gradients
   */
  TrainedWeights(
      WeightSource source,
      Weights frozen,
      Predicate<String> trained,
      Parameters parameters,
      DType type,
      Memory memory) {
    this.source = source;
    this.frozen = frozen;
    this.trained = trained;
    this.parameters = parameters;
    this.type = type;
    this.memory = memory;
  }

  @Override
  public boolean has(String name) {
    return source.has(name);
  }

  @Override
  public Tensor take(String name, WeightUse use) {
    return trained.test(name) ? register(name, use).weight() : frozen.take(name, use);
  }

  @Override
  public Tensor[] split(String name, WeightUse use, int... rows) {
    if (!trained.test(name)) {
      return frozen.split(name, use, rows);
    }
    Parameter whole = register(name, use);
    Tensor[] parts = new Tensor[rows.length];
    int from = 0;
    for (int part = 0; part < rows.length; part++) {
      parts[part] = whole.weight().slice(from, rows[part]);
      parameters.addView(parts[part], whole.gradient().slice(from, rows[part]));
      from += rows[part];
    }
    return parts;
  }

  private Parameter register(String name, WeightUse use) {
    Tensor weight = source.tensor(name);
    boolean rounded = weight.dtype() == DType.BF16 && use != WeightUse.VECTOR;
    if (weight.isPacked() || (weight.dtype() != type && !rounded)) {
      throw new IllegalArgumentException(
          "%s is %s; weights are trained as row-major %s%s"
              .formatted(name, weight, type, use == WeightUse.VECTOR ? "" : " or BF16"));
    }
    if (weight.isOnHost() && weight.segment().isReadOnly()) {
      throw new IllegalArgumentException(name + " cannot be written: copy a file's weights first");
    }
    Tensor known = parameters.gradient(weight);
    if (known != null) {
      return new Parameter(name, weight, known);
    }
    Parameter parameter = new Parameter(name, weight, memory.tensor(type, weight.shape()));
    parameters.add(parameter);
    return parameter;
  }
}
