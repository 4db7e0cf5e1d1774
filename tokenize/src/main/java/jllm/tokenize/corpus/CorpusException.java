package jllm.tokenize.corpus;

/**
 * A corpus that is damaged or holds what cannot be read as text. The message names the file, the
 * archive member where there is one, the line or byte offset, what was found and expected.
 */
public final class CorpusException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public CorpusException(String message) {
    super(message);
  }

  public CorpusException(String message, Throwable cause) {
    super(message, cause);
  }
}
