package jllm.model;

import java.util.List;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer of a block, with what adapters change of it.
 *
 * @param weight [O, I] of any type
 * @param bias [O]
 */
record Linear(Tensor weight, @Nullable Tensor bias, List<LowRank> changes) {

  /** Maps [N, I] to [N, O]. */
  Tensor forward(Exec exec, Tensor x, Batch batch) {
    return changed(exec, exec.linear(x, weight, bias), x, batch);
  }

  /**
   * The same, in training; outside of it without changes.
   *
   * @param result the type of the result, see {@link Exec#linear(Tensor, Tensor, Tensor, DType)}
   */
  Tensor forward(Exec exec, Tensor x, Batch batch, DType result) {
    return changed(exec, exec.linear(x, weight, bias, result), x, batch);
  }

  /**
   * Adds what becomes of x to the residual stream [N, O] if that goes together with the product.
   * Not in training.
   *
   * @return what is still to be added; null if nothing is
   */
  @Nullable Tensor addTo(Exec exec, Tensor residual, Tensor x, Batch batch) {
    return changes.isEmpty() && exec.addToLinear(residual, x, weight, bias)
        ? null
        : forward(exec, x, batch);
  }

  /** What adapters make of y, the product with x alone. */
  Tensor changed(Exec exec, Tensor product, Tensor x, Batch batch) {
    Tensor y = product;
    for (int i = 0; i < changes.size(); i++) {
      y = changes.get(i).addTo(exec, y, x, batch);
    }
    return y;
  }
}
