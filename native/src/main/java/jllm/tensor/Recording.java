package jllm.tensor;

/**
 * Work of a backend that was written down and can be done again at the cost of starting one piece:
 * on the same memory, whose contents may differ each time.
 */
public interface Recording extends AutoCloseable {
  /** Starts the work. */
  void replay();

  @Override
  void close();
}
