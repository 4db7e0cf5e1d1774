package jllm.tensor.grad;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The weights that are trained, with their gradients. Weights are known by identity: a model
 * computes with the very tensors that are registered here, or with registered views of them.
 */
public final class Parameters {

  /**
   * @param name as in the weight source
   * @param weight row-major, written by the optimizer
   * @param gradient of the same shape in the activation type; steps add to it until it is zeroed
   */
  public record Parameter(String name, Tensor weight, Tensor gradient) {}

  private final List<Parameter> all = new ArrayList<>();
  private final Map<Tensor, Tensor> gradients = new IdentityHashMap<>();

  /** Registers a weight. */
  public void add(Parameter parameter) {
    all.add(parameter);
    addView(parameter.weight(), parameter.gradient());
  }

  /**
   * Registers a part of a registered weight that a model uses by itself, with that of its gradient.
   */
  public void addView(Tensor weight, Tensor gradient) {
    if (!weight.shape().equals(gradient.shape())) {
      throw new IllegalArgumentException("a gradient " + gradient + " for a weight " + weight);
    }
    gradients.put(weight, gradient);
  }

  /** In the order in which they were registered. */
  public List<Parameter> all() {
    return List.copyOf(all);
  }

  /** The gradient of a weight or view; null if it is not trained. */
  public @Nullable Tensor gradient(Tensor weight) {
    return gradients.get(weight);
  }
}
