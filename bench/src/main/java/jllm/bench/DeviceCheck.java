package jllm.bench;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.format.convert.TypedWeights;
import jllm.model.Batch;
import jllm.model.KvCache;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.train.StepLosses;
import jllm.train.TrainOptions;

/** Compares what two backends compute with the same weights. */
public final class DeviceCheck {
  private static final long SEED = 1;
  private static final double MOST_DIFFERENCE = 1e-3;

  private DeviceCheck() {}

  /**
   * What was found.
   *
   * @param logitsDifference norm of the difference of all logits over their norm
   * @param greatestDifference of a logit
   * @param firstDivergence the first of the greedy tokens that differs, -1 if none does
   * @param lossDifference greatest difference of a loss in ten training steps, in nats
   */
  public record Result(
      double logitsDifference,
      double greatestDifference,
      int firstDivergence,
      int tokens,
      double lossDifference) {

    /** Whether differences are those of rounding. */
    public boolean passes() {
      return logitsDifference <= MOST_DIFFERENCE && lossDifference <= 10 * MOST_DIFFERENCE;
    }

    /** For people. */
    public String text() {
      return String.format(
          java.util.Locale.ROOT,
          "logits differ by %.2g of their norm, at most by %.2g; of %d greedy tokens %s; losses of"
              + " ten training steps differ by at most %.2g: %s",
          logitsDifference,
          greatestDifference,
          tokens,
          firstDivergence < 0
              ? "none differs"
              : "number " + (firstDivergence + 1) + " differs first",
          lossDifference,
          passes() ? "the same but for rounding" : "NOT the same");
    }

    /** For JSON. */
    public Map<String, Object> record() {
      Map<String, Object> record = new LinkedHashMap<>();
      record.put("logits_relative_difference", logitsDifference);
      record.put("logits_greatest_difference", greatestDifference);
      record.put("first_diverging_token", firstDivergence);
      record.put("tokens", tokens);
      record.put("loss_greatest_difference", lossDifference);
      record.put("passes", passes());
      return record;
    }
  }

  /**
   * Compares.
   *
   * @param expected computes with quantized weights as float32, since it may round activations
   *     beside the others: that takes 4 bytes for each
   * @param prompt tokens of a random prompt
   * @param tokens generated after it, greedily
   * @param training sizes of the training steps
   */
  public static Result run(
      WeightSource weights,
      Backend expected,
      Backend found,
      int prompt,
      int tokens,
      TrainOptions training) {
    Trace a = exact(weights, expected, prompt, tokens);
    Trace b = trace(weights, found, prompt, tokens);
    double squares = 0;
    double norm = 0;
    double greatest = 0;
    for (int i = 0; i < a.logits.length; i++) {
      double difference = b.logits[i] - a.logits[i];
      squares += difference * difference;
      norm += (double) a.logits[i] * a.logits[i];
      greatest = Math.max(greatest, Math.abs(difference));
    }
    double[] expectedLosses = StepLosses.of(weights, expected, training);
    double[] foundLosses = StepLosses.of(weights, found, training);
    double loss = 0;
    for (int i = 0; i < expectedLosses.length; i++) {
      loss = Math.max(loss, Math.abs(expectedLosses[i] - foundLosses[i]));
    }
    return new Result(
        Math.sqrt(squares / norm),
        greatest,
        java.util.Arrays.mismatch(a.tokens, b.tokens),
        tokens,
        loss);
  }

  /**
   * What a backend computed.
   *
   * @param logits of all positions of the prompt
   * @param tokens that followed
   */
  private record Trace(float[] logits, int[] tokens) {}

  private static Trace exact(WeightSource weights, Backend backend, int prompt, int count) {
    WeightSource floats =
        new TypedWeights(
            weights, "the model", (_, stored) -> stored.isQuantized() ? DType.F32 : stored);
    try {
      return trace(floats, backend, prompt, count);
    } finally {
      floats.close();
    }
  }

  private static Trace trace(WeightSource weights, Backend backend, int prompt, int count) {
    ModelConfig config = weights.config();
    int[] text = new SplittableRandom(SEED).ints(prompt, 0, config.vocabularySize()).toArray();
    try (Transformer model = Transformer.of(weights, backend);
        KvCache cache = model.newCache(prompt + count);
        Batch batch = Batch.continuing(cache, prompt);
        Exec exec = new Exec(backend)) {
      Tensor hidden = model.hidden(exec, batch.fill(text, 0, prompt, 1));
      cache.advance(prompt);
      Tensor logits = exec.onHost(model.logits(exec, hidden));
      float[] all = logits.segment().toArray(ValueLayout.JAVA_FLOAT);
      int[] tokens = new int[count];
      int[] next = {greatest(logits.segment(), prompt - 1, config.vocabularySize())};
      for (int i = 0; i < count; i++) {
        tokens[i] = next[0];
        exec.reset();
        hidden = model.hidden(exec, batch.fill(next, 0, 1, 1));
        cache.advance(1);
        Tensor row = exec.onHost(model.logits(exec, hidden));
        next[0] = greatest(row.segment(), 0, config.vocabularySize());
      }
      return new Trace(all, tokens);
    }
  }

  private static int greatest(MemorySegment logits, int row, int vocabulary) {
    int best = 0;
    for (int i = 1; i < vocabulary; i++) {
      long at = (long) row * vocabulary;
      if (logits.getAtIndex(ValueLayout.JAVA_FLOAT, at + i)
          > logits.getAtIndex(ValueLayout.JAVA_FLOAT, at + best)) {
        best = i;
      }
    }
    return best;
  }
}
