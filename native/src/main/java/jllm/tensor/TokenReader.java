package jllm.tensor;

/**
 * Brings chosen tokens, one a step, to the host while the backend goes on with steps that need
 * them. Those of two steps may be under way at a time.
 */
public interface TokenReader extends AutoCloseable {
  /** Starts to copy a token, I32 [1, 1], behind all that was started. */
  void start(Tensor token);

  /** Waits for the token that was started first of those under way. */
  int await();

  /** Gives up the token that was started last. */
  void forget();

  @Override
  void close();
}
