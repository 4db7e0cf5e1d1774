package jllm.model;

import jllm.tensor.Dropout;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;

/**
 * What an adapter adds to a linear layer: scale B A dropout(x) (Hu et al. 2021).
 *
 * @param a [R, I]
 * @param b [O, R]
 * @param dropoutPlace of its input
 */
record LowRank(Tensor a, Tensor b, float scale, int dropoutPlace) {

  /** The sum with the layer's output y [N, O] for x [N, I]; y is void afterwards. */
  Tensor addTo(Exec exec, Tensor y, Tensor x, Batch batch) {
    Dropout dropout = batch.adapterDropout(dropoutPlace);
    Tensor inner = exec.linear(dropout == null ? x : exec.dropout(x, dropout), a, null);
    return exec.addLinear(y, scale == 1 ? inner : exec.scale(inner, scale), b);
  }
}
