package jllm.tensor;

/** Element-wise nonlinearities of feed-forward networks. */
public enum Activation {
  /** {@code x * sigmoid(x)} (Elfwing et al. 2017), also called swish. */
  SILU,
  /**
   * {@code x/2 * (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))} (Hendrycks and Gimpel 2016, the
   * approximation).
   */
  GELU_TANH,
  /** {@code x/2 * (1 + erf(x / sqrt(2)))} (Hendrycks and Gimpel 2016). */
  GELU_ERF,
  /** {@code max(x, 0)}. */
  RELU
}
