package jllm.generate;

/**
 * How tokens that occurred become less likely.
 *
 * @param repeat positive logits are divided by it, others multiplied, once however often a token
 *     occurred (Keskar et al. 2019, section 4.1); 1 = off
 * @param presence subtracted from the logit of a token that occurred; 0 = off
 * @param frequency subtracted as often as it occurred; 0 = off
 * @param lastN how many tokens back all three look, prompt included; 0 = off
 */
public record Penalties(double repeat, double presence, double frequency, int lastN) {
  public static final Penalties NONE = new Penalties(1, 0, 0, 0);

  public Penalties {
    Requirement.check(
        repeat > 0 && repeat < Double.POSITIVE_INFINITY, "repeat penalty", repeat, "more than 0");
    Requirement.check(Double.isFinite(presence), "presence penalty", presence, "a finite number");
    Requirement.check(
        Double.isFinite(frequency), "frequency penalty", frequency, "a finite number");
    Requirement.check(lastN >= 0, "repeat window", lastN, "0 or more");
  }

  /** Whether no logit is ever changed. */
  boolean off() {
    return lastN == 0 || (repeat == 1 && presence == 0 && frequency == 0);
  }
}
