package jllm.generate;

import java.util.List;
import java.util.Set;

/**
 * How far a text goes and how its tokens are chosen.
 *
 * @param maxTokens at most so many new tokens; {@link #UNLIMITED} = until the context is full
 * @param stop strings that end the text; they are not part of it
 * @param stopTokens tokens that end the text as the model's own ends do; they are not part of it
 * @param ignoreEnd never choose a token that ends the text
 * @param alternatives of each choice to tell of, see {@link Generation#choices}; 0 = of the chosen
 *     token alone, {@link #NO_CHOICES} = tell nothing
 * @param keep when the context is full, go on with the first so many tokens and the later half of
 *     the others, see {@link Session#shift}; {@link #NO_SHIFT} = end there
 */
public record GenerationOptions(
    int maxTokens,
    List<String> stop,
    Set<Integer> stopTokens,
    boolean ignoreEnd,
    SamplingSettings sampling,
    int alternatives,
    int keep) {
  public static final int UNLIMITED = -1;
  public static final int NO_CHOICES = -1;
  public static final int NO_SHIFT = -1;

  public GenerationOptions {
    stop = List.copyOf(stop);
    stopTokens = Set.copyOf(stopTokens);
    Requirement.check(
        maxTokens >= UNLIMITED, "the token limit", maxTokens, "0 or more, or -1 for no limit");
    Requirement.check(alternatives >= NO_CHOICES, "alternatives", alternatives, "-1 or more");
    Requirement.check(keep >= NO_SHIFT, "keep", keep, "-1 or more");
    Requirement.check(!stop.contains(""), "a stop string", "empty", "at least one character");
  }

  /** With nothing else. */
  public GenerationOptions(
      int maxTokens, List<String> stop, boolean ignoreEnd, SamplingSettings sampling) {
    this(maxTokens, stop, Set.of(), ignoreEnd, sampling, NO_CHOICES, NO_SHIFT);
  }

  /** The same with another limit and other settings of sampling. */
  public GenerationOptions with(int otherMaxTokens, SamplingSettings otherSampling) {
    return new GenerationOptions(
        otherMaxTokens, stop, stopTokens, ignoreEnd, otherSampling, alternatives, keep);
  }
}
