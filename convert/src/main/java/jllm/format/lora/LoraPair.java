package jllm.format.lora;

import jllm.tensor.Tensor;

/**
 * A change of a linear weight W [O, I] by a product of low rank: W + scale B A (Hu et al. 2021).
 *
 * @param a [R, I], F32
 * @param b [O, R], F32, its rows in the order of W's
 * @param alpha what the scale is computed from
 * @param rankStabilized whether that is alpha / sqrt(R) (Kalajdzievski 2023) and not alpha / R
 */
public record LoraPair(Tensor a, Tensor b, double alpha, boolean rankStabilized) {

  public int rank() {
    return a.dim(0);
  }

  /** The factor on B A. */
  public float scale() {
    return (float) (alpha / (rankStabilized ? Math.sqrt(rank()) : rank()));
  }
}
