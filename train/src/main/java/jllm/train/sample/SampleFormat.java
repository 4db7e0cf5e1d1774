package jllm.train.sample;

/** What a record of a file of samples looks like. */
public enum SampleFormat {
  MESSAGES("messages"),
  SHAREGPT("ShareGPT conversations"),
  INSTRUCTION("Alpaca instructions"),
  INSTANCES("self-instruct instances"),
  COMPLETION("prompt and completion"),
  TEXT("text");

  private final String label;

  SampleFormat(String label) {
    this.label = label;
  }

  /** What people call it. */
  public String label() {
    return label;
  }
}
