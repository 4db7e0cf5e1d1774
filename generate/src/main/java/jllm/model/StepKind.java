package jllm.model;

import jllm.tensor.TokenChoice;

/** What is wanted of a step: logits alone, or the best tokens, or tokens that are drawn. */
enum StepKind {
  LOGITS,
  BEST,
  DRAWN;

  /** The least that chooses as all of these say. */
  static StepKind of(TokenChoice... choices) {
    for (TokenChoice choice : choices) {
      if (choice.temperature() != 0) {
        return DRAWN;
      }
    }
    return BEST;
  }
}
