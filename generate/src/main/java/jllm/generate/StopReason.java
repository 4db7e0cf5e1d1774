package jllm.generate;

/** Why a text ended. */
public enum StopReason {
  /** The model chose a token that ends the text. */
  END_OF_TEXT,
  /** One of the stop tokens was chosen. */
  STOP_TOKEN,
  /** One of the stop strings came up. */
  STOP_STRING,
  /** As many tokens as were asked for. */
  TOKEN_LIMIT,
  /** No position is left in the context. */
  CONTEXT_FULL,
  /** Somebody asked for it, see {@link Generator#cancel}. */
  CANCELLED
}
