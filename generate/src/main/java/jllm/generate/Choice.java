package jllm.generate;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a token was chosen.
 *
 * @param token the chosen one
 * @param logProbability of it by the model alone: before bias, penalties, filters and temperature
 * @param best the tokens most probable by the model alone, the best first
 */
public record Choice(int token, double logProbability, List<Alternative> best) {

  /**
   * A token that could have been chosen.
   *
   * @param logProbability by the model alone
   * @param share the probability that it was drawn with, after all steps
   * @param droppedBy the step that took it out, such as {@code top-k 40}; null if none did
   */
  public record Alternative(
      int token, double logProbability, double share, @Nullable String droppedBy) {}
}
