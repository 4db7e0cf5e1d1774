package jllm.model;

import java.util.List;
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
    Tensor y = exec.linear(x, weight, bias);
    for (int i = 0; i < changes.size(); i++) {
      y = changes.get(i).addTo(exec, y, x, batch);
    }
    return y;
  }
}
