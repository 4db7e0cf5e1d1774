package jllm.tokenize;

/**
 * A tokenizer file or vocabulary that is damaged, contradicts itself or uses a component that this
 * program does not know. The message names the file or component, what was found and expected.
 */
public final class TokenizerFormatException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public TokenizerFormatException(String message) {
    super(message);
  }

  public TokenizerFormatException(String message, Throwable cause) {
    super(message, cause);
  }
}
