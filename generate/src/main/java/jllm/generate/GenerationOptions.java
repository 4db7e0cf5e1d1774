package jllm.generate;

import java.util.List;

/**
 * How far a text goes and how its tokens are chosen.
 *
 * @param maxTokens at most so many new tokens; {@link #UNLIMITED} = until the context is full
 * @param stop strings that end the text; they are not part of it
 * @param ignoreEnd never choose a token that ends the text
 */
public record GenerationOptions(
    int maxTokens, List<String> stop, boolean ignoreEnd, SamplingSettings sampling) {
  public static final int UNLIMITED = -1;

  public GenerationOptions {
    stop = List.copyOf(stop);
    if (maxTokens < UNLIMITED) {
      throw new IllegalArgumentException(
          "the token limit is " + maxTokens + ", expected 0 or more, or -1 for no limit");
    }
    if (stop.contains("")) {
      throw new IllegalArgumentException("a stop string is empty, expected at least one character");
    }
  }
}
