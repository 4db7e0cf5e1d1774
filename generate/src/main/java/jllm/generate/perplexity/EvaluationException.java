package jllm.generate.perplexity;

/** A text, window or pair of models that predictions cannot be measured with. */
public final class EvaluationException extends RuntimeException {
  private static final long serialVersionUID = 1;

  EvaluationException(String message) {
    super(message);
  }
}
