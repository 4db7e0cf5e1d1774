package jllm.tensor;

/**
 * A part of a model that {@link Exec#block} runs: its inner activations are dropped when it
 * returns.
 *
 * @param <S> what changes from step to step: positions, cache
 */
@FunctionalInterface
public interface Layer<S> {
  /** Maps the residual stream [N, C] to the next one, of the same shape. */
  Tensor forward(Exec exec, Tensor x, S step);
}
