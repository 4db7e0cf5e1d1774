package jllm.train.sample;

/** What can be wrong with a sample. */
public enum SampleProblem {
  BROKEN("damaged, or refused by the chat template", true),
  EMPTY("nothing to learn in it", true),
  ORDER("roles out of order", true),
  TRUNCATED("longer than a sequence, its end is not learned", false),
  CUT_OFF("longer than a sequence, and nothing to learn in what is left", false),
  DUPLICATE("the same as an earlier one", false),
  OPEN("answers without a token that ends them", false),
  UNANSWERED("the last message has no answer", false);

  private final String label;
  private final boolean error;

  SampleProblem(String label, boolean error) {
    this.label = label;
    this.error = error;
  }

  /** What is wrong, for people. */
  public String label() {
    return label;
  }

  /** Whether samples should not be trained on like this; otherwise it is worth a look. */
  public boolean isError() {
    return error;
  }
}
