package jllm.generate;

/**
 * A beam search as Hugging Face's {@code generate} does it.
 *
 * @param beams sequences kept at each step
 * @param lengthPenalty the log-probability of a sequence is divided by its length to this power:
 *     above 0 long ones gain
 * @param returned sequences in the result, at most {@code beams}
 * @param stopping when to end before the limit
 */
public record BeamSettings(int beams, double lengthPenalty, int returned, Stopping stopping) {

  /** When a search ends that has as many finished sequences as beams. */
  public enum Stopping {
    /** At once ({@code early_stopping=True}). */
    EARLY,
    /**
     * When the best unfinished one, as long as it is, is no better than the worst of them ({@code
     * early_stopping=False}).
     */
    HEURISTIC,
    /** When no unfinished one can become better ({@code early_stopping="never"}). */
    NEVER
  }

  public BeamSettings {
    Requirement.check(beams >= 1, "beams", beams, "1 or more");
    Requirement.check(
        Double.isFinite(lengthPenalty), "length penalty", lengthPenalty, "a finite number");
    Requirement.check(
        returned >= 1 && returned <= beams, "returned sequences", returned, "1 to " + beams);
  }
}
