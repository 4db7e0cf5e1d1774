package jllm.bench;

/** What is timed, named as llama-bench names it. */
public sealed interface Workload {
  /** Tokens processed in one repetition. */
  int tokens();

  /** Such as {@code pp128}. */
  String name();

  /**
   * A prompt of {@code tokens} tokens into an empty cache, up to the logits of its last position.
   */
  record Prefill(int tokens) implements Workload {
    @Override
    public String name() {
      return "pp" + tokens;
    }
  }

  /**
   * {@code tokens} tokens one after the other, from an empty cache, each up to its logits; without
   * sampling.
   */
  record Decode(int tokens) implements Workload {
    @Override
    public String name() {
      return "tg" + tokens;
    }
  }
}
