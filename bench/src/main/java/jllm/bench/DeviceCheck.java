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

  /** The difference of logits that float32 may make. */
  private static final double MOST_DIFFERENCE = 1e-3;

  /** The same with operands of products in BF16, over tens of layers. */
  private static final double MOST_ROUNDED_DIFFERENCE = 5e-2;

  /** Of a loss, in nats; those in BF16 are compared with losses in BF16. */
  private static final double MOST_LOSS_DIFFERENCE = 1e-2;

  private final WeightSource weights;
  private final Backend backend;
  private final int prompt;
  private final int tokens;
  private final TrainOptions training;
  private final Trace expected;

  /**
   * What was found.
   *
   * @param logitsDifference norm of the difference of all logits over their norm
   * @param greatestDifference of a logit
   * @param firstDivergence the first of the greedy tokens that differs, -1 if none does
   * @param lossDifference greatest difference of a loss in ten training steps, in nats
   * @param allowed difference of the logits
   */
  public record Result(
      double logitsDifference,
      double greatestDifference,
      int firstDivergence,
      int tokens,
      double lossDifference,
      double allowed) {

    /** Whether differences are those of rounding. */
    public boolean passes() {
      return logitsDifference <= allowed && lossDifference <= MOST_LOSS_DIFFERENCE;
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
   * Computes what is expected.
   *
   * @param backend computes with weights as float32, since it may round activations beside others:
   *     that takes 4 bytes for each
   * @param prompt tokens of a random prompt
   * @param tokens generated after it, greedily
   * @param training sizes of the training steps
   */
  public DeviceCheck(
      WeightSource weights, Backend backend, int prompt, int tokens, TrainOptions training) {
    this.weights = weights;
    this.prompt = prompt;
    this.tokens = tokens;
    this.training = training;
    this.expected = exact(weights, backend, prompt, tokens);
    this.backend = backend;
  }

  /**
   * Compares another backend.
   *
   * @param type F32, or BF16 if it rounds operands of products to that
   */
  public Result of(Backend other, DType type) {
    Trace found = trace(weights, other, prompt, tokens);
    double squares = 0;
    double norm = 0;
    double greatest = 0;
    for (int i = 0; i < expected.logits.length; i++) {
      double difference = found.logits[i] - expected.logits[i];
      squares += difference * difference;
      norm += (double) expected.logits[i] * expected.logits[i];
      greatest = Math.max(greatest, Math.abs(difference));
    }
    TrainOptions typed = training.withWeightType(type);
    double[] expectedLosses = StepLosses.of(weights, backend, typed);
    double[] losses = StepLosses.of(weights, other, typed);
    double loss = 0;
    for (int i = 0; i < losses.length; i++) {
      loss = Math.max(loss, Math.abs(expectedLosses[i] - losses[i]));
    }
    return new Result(
        Math.sqrt(squares / norm),
        greatest,
        java.util.Arrays.mismatch(expected.tokens, found.tokens),
        tokens,
        loss,
        type == DType.BF16 ? MOST_ROUNDED_DIFFERENCE : MOST_DIFFERENCE);
  }

  /**
   * What a backend computed.
   *
   * @param logits of all positions of the prompt
   * @param tokens that followed
   */
  private record Trace(float[] logits, int[] tokens) {}

  private static Trace exact(WeightSource weights, Backend backend, int prompt, int count) {
    WeightSource floats = new TypedWeights(weights, "the model", (_, _) -> DType.F32);
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
