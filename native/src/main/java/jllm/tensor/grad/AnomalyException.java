package jllm.tensor.grad;

/** An operation of a step gave a number that is not finite. The message says which, and of what. */
public final class AnomalyException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final boolean inherited;

  /**
   * @param inherited whether an operand that no operation of the step made, a weight, was not
   *     finite before
   */
  AnomalyException(String message, boolean inherited) {
    super(message);
    this.inherited = inherited;
  }

  /** Whether a weight was not finite before the step; else the operation's operands all were. */
  public boolean isInherited() {
    return inherited;
  }
}
