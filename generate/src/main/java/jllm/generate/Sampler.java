package jllm.generate;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.tensor.TokenChoice;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the next token from its logits, by a chain of steps. It remembers the tokens of one text
 * and the state of its random numbers, so each text has a sampler of its own. After construction it
 * allocates nothing.
 */
public final class Sampler {
  private final Candidates candidates;
  private final SamplingStep[] chain;
  private final SamplingSettings settings;
  private final int vocabulary;

  /** Absent where nothing is drawn. */
  private final @Nullable Draw draw;

  private Sampler(int vocabulary, SamplingSettings settings, List<SamplingStep> chain) {
    this.vocabulary = vocabulary;
    this.settings = settings;
    this.candidates = new Candidates(vocabulary);
    this.chain = chain.toArray(SamplingStep[]::new);
    this.draw = chain.getLast() instanceof Draw last ? last : null;
  }

  /**
   * @param vocabulary logits per token
   * @param banned tokens that are never chosen
   * @throws UnknownTokenException if there is a bias for a token that the vocabulary lacks
   */
  public static Sampler of(SamplingSettings settings, int vocabulary, int... banned) {
    List<SamplingStep> chain = new ArrayList<>();
    if (!settings.logitBias().isEmpty()) {
      chain.add(bias(settings.logitBias(), vocabulary));
    }
    if (banned.length > 0) {
      chain.add(new SamplingStep.Ban(banned.clone()));
    }
    if (!settings.penalties().off()) {
      chain.add(new PenaltyStep(settings.penalties(), vocabulary));
    }
    if (settings.temperature() == 0) {
      chain.add(new SamplingStep.Greedy());
      return new Sampler(vocabulary, settings, chain);
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
    return new Sampler(vocabulary, settings, chain);
  }

  private static SamplingStep bias(Map<Integer, Float> biases, int vocabulary) {
    int[] tokens = biases.keySet().stream().mapToInt(Integer::intValue).sorted().toArray();
    UnknownTokenException.requireSetting("logit bias", tokens, vocabulary);
    float[] values = new float[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      values[i] = biases.getOrDefault(tokens[i], 0f);
    }
    return new SamplingStep.Bias(tokens, values);
  }

  /** Whether a device can choose in its place: what the text was before does not matter. */
  boolean isMemoryless() {
    return settings.penalties().off();
  }

  /**
   * How the next token is chosen, for a device to do it in the place of {@link #sample}; the {@link
   * #biases} are added before. Draws the random number of that token.
   */
  TokenChoice next() {
    return draw == null
        ? TokenChoice.BEST
        : new TokenChoice(
            draw.uniform(),
            settings.temperature(),
            settings.topK(),
            settings.topP(),
            settings.minP());
  }

  /** What is added to the logits of all tokens, in float32; empty if nothing is. */
  float[] biases() {
    float[] row = new float[vocabulary];
    boolean any = false;
    for (SamplingStep step : chain) {
      if (step instanceof SamplingStep.Bias bias) {
        bias.addTo(row);
        any = true;
      } else if (step instanceof SamplingStep.Ban ban) {
        ban.addTo(row);
        any = true;
      }
    }
    return any ? row : new float[0];
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

  /**
   * Chooses as {@link #sample} does, and says how.
   *
   * @param alternatives how many of the most probable tokens to tell of
   */
  public Choice choose(MemorySegment logits, int alternatives) {
    candidates.fill(logits);
    ChoiceTrace trace = new ChoiceTrace(candidates, alternatives);
    for (SamplingStep step : chain) {
      if (step instanceof Draw) {
        trace.sharesOf(candidates);
        step.apply(candidates);
      } else {
        step.apply(candidates);
        trace.after(step, candidates);
        trace.sharesOf(candidates);
      }
    }
    return trace.choice(candidates.id(0));
  }
}
