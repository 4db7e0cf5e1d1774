package jllm.generate;

/** A prompt that has more tokens than the context has room for. */
public final class PromptTooLongException extends RuntimeException {
  private static final long serialVersionUID = 1;

  PromptTooLongException(int tokens, int room, int context) {
    super(
        String.format(
            "the prompt has %d tokens, %d more than the context of %d has room for; shorten it, or"
                + " ask for a larger context",
            tokens, tokens - room, context));
  }
}
