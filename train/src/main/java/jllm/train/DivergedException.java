package jllm.train;

/** Training has no finite losses any more. The message says since when and what may help. */
public final class DivergedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public DivergedException(String message) {
    super(message);
  }
}
