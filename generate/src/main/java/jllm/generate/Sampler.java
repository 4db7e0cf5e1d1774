package jllm.generate;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Chooses the next token from its logits, by a chain of steps. It remembers the tokens of one text
 * and the state of its random numbers, so each text has a sampler of its own. After construction it
 * allocates nothing.
 */
public final class Sampler {
  private final Candidates candidates;
  private final SamplingStep[] chain;

  private Sampler(int vocabulary, List<SamplingStep> chain) {
    this.candidates = new Candidates(vocabulary);
    this.chain = chain.toArray(SamplingStep[]::new);
  }

  /**
   * @param vocabulary logits per token
   * @param banned tokens that are never chosen
   */
  public static Sampler of(SamplingSettings settings, int vocabulary, int... banned) {
    List<SamplingStep> chain = new ArrayList<>();
    if (banned.length > 0) {
      chain.add(new SamplingStep.Ban(banned.clone()));
    }
    if (settings.repeatPenalty() != 1 && settings.repeatLastN() > 0) {
      chain.add(
          new RepeatPenalty((float) settings.repeatPenalty(), settings.repeatLastN(), vocabulary));
    }
    if (settings.temperature() == 0) {
      chain.add(new SamplingStep.Greedy());
      return new Sampler(vocabulary, chain);
    }
    if (settings.topK() > 0 && settings.topK() < vocabulary) {
      chain.add(new SamplingStep.TopK(settings.topK()));
    }
    if (settings.topP() < 1) {
      chain.add(new SamplingStep.TopP(settings.topP()));
    }
    if (settings.minP() > 0) {
      chain.add(new SamplingStep.MinP(settings.minP()));
    }
    if (settings.temperature() != 1) {
      chain.add(new SamplingStep.Temperature(settings.temperature()));
    }
    chain.add(new Draw(settings.seed()));
    return new Sampler(vocabulary, chain);
  }

  /** Tells of a token that the text goes on with: each of the prompt, and each chosen one. */
  public void accept(int token) {
    for (SamplingStep step : chain) {
      step.accept(token);
    }
  }

  /**
   * Chooses a token; to go on with it, {@link #accept} it.
   *
   * @param logits float32, as many as the vocabulary has tokens
   * @throws jllm.format.ModelFormatException if the logits are not finite numbers
   */
  public int sample(MemorySegment logits) {
    candidates.fill(logits);
    for (SamplingStep step : chain) {
      step.apply(candidates);
    }
    return candidates.id(0);
  }
}
