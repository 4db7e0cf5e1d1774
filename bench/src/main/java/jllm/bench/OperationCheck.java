package jllm.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.model.RandomWeights;
import jllm.model.Batch;
import jllm.model.CacheTypes;
import jllm.model.KvCache;
import jllm.model.Transformer;
import jllm.tensor.Activation;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import jllm.train.BatchOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
import jllm.train.StepLosses;
import jllm.train.TrainOptions;

/**
 * Compares every operation that models use on two backends: small models of different
 * architectures, with weights and caches of all types, generate and are trained, and each operation
 * on the way is done by both.
 */
public final class OperationCheck {
  /** Norm of the difference over the norm: rounding of binary32, not that of TF32. */
  public static final double MOST_ERROR = 1e-4;

  /** The same where operands are rounded to BF16. */
  public static final double MOST_ROUNDED_ERROR = 2e-2;

  private static final long SEED = 1;
  private static final int WIDTH = 256;
  private static final int VOCABULARY = 300;
  private static final int CONTEXT = 96;
  private static final int[] STEPS = {40, 1, 5, 12};
  private static final double RATE = 1e-4;
  private static final double DROPOUT = 0.1;

  private final Map<String, OperationDifference> found;
  private final double most;

  private OperationCheck(Map<String, OperationDifference> found, double most) {
    this.found = found;
    this.most = most;
  }

  /**
   * Compares; takes seconds on a device.
   *
   * @param oracle of the host
   * @param most the error that passes, {@link #MOST_ERROR} or {@link #MOST_ROUNDED_ERROR}
   */
  public static OperationCheck run(Backend oracle, Backend tested, double most) {
    ComparingBackend comparing = new ComparingBackend(oracle, tested);
    Backend both = comparing.backend();
    for (DType type : DType.values()) {
      if (type != DType.F64 && type != DType.I32) {
        generate(llama(64, RopePairing.INTERLEAVED, 0), type, DType.F32, both);
      }
    }
    generate(llama(32, RopePairing.HALF_SPLIT, 4), DType.F32, DType.F32, both);
    generate(llama(128, RopePairing.HALF_SPLIT, 4), DType.Q8_0, DType.F16, both);
    generate(llama(64, RopePairing.HALF_SPLIT, 3), DType.BF16, DType.F32, both);
    generate(llama(256, RopePairing.INTERLEAVED, 0), DType.BF16, DType.Q8_0, both);
    generate(gemma(), DType.Q8_0, DType.F16, both);
    generate(gpt2(), DType.F16, DType.F32, both);
    train(gpt2(), 0, both);
    train(gpt2(), DROPOUT, both);
    train(llama(64, RopePairing.HALF_SPLIT, 4), 0, both);
    train(gemma(), DROPOUT, both);
    return new OperationCheck(comparing.differences(), most);
  }

  /**
   * Compares attention and its derivative at the sizes of models; takes a minute, most of it on the
   * host.
   */
  public static OperationCheck ofAttention(Backend oracle, Backend tested, double most) {
    ComparingBackend comparing = new ComparingBackend(oracle, tested);
    for (AttentionBenchmark.Size size : AttentionBenchmark.Size.CHECKED) {
      try (AttentionBenchmark.Operands operands =
          new AttentionBenchmark.Operands(comparing.backend(), size)) {
        operands.forward();
        operands.backward();
      }
    }
    return new OperationCheck(comparing.differences(), most);
  }

  private static ModelConfig llama(int headDim, RopePairing pairing, int experts) {
    int heads = WIDTH / headDim;
    return model(
        1,
        new AttentionConfig(
            heads,
            Math.max(1, heads / 2),
            headDim,
            (float) (1 / Math.sqrt(headDim)),
            0,
            0,
            1,
            false,
            false,
            false),
        new FeedForwardConfig(
            512,
            Activation.SILU,
            true,
            false,
            experts,
            experts == 0 ? null : new Routing(2, true, 1)),
        new NormConfig(NormConfig.Kind.RMS, 1e-5f, false, NormConfig.Placement.PRE),
        rope(headDim, pairing),
        ModelConfig.Multipliers.NONE);
  }

  /** With a window, soft caps, norms of heads, biases, and norms around sublayers. */
  private static ModelConfig gemma() {
    return model(
        2,
        new AttentionConfig(5, 1, 96, 0.1f, 50, 16, 2, true, true, true),
        new FeedForwardConfig(768, Activation.GELU_TANH, true, true, 0, null),
        new NormConfig(NormConfig.Kind.RMS, 1e-6f, false, NormConfig.Placement.BOTH),
        rope(96, RopePairing.HALF_SPLIT),
        new ModelConfig.Multipliers(16, 0.5f, 2, 30));
  }

  private static ModelConfig gpt2() {
    return model(
        1,
        new AttentionConfig(4, 4, 64, 0.125f, 0, 0, 1, false, true, true),
        new FeedForwardConfig(1024, Activation.GELU_ERF, false, true, 0, null),
        new NormConfig(NormConfig.Kind.LAYER, 1e-5f, true, NormConfig.Placement.PRE),
        new PositionConfig.Learned(CONTEXT),
        ModelConfig.Multipliers.NONE);
  }

  private static PositionConfig rope(int headDim, RopePairing pairing) {
    return new PositionConfig.Rope(10_000, 10_000, headDim, pairing, new RopeScaling.None());
  }

  private static ModelConfig model(
      int layers,
      AttentionConfig attention,
      FeedForwardConfig feedForward,
      NormConfig norm,
      PositionConfig position,
      ModelConfig.Multipliers multipliers) {
    return new ModelConfig(
        "llama",
        VOCABULARY,
        CONTEXT,
        WIDTH,
        layers,
        attention,
        feedForward,
        norm,
        position,
        multipliers,
        false,
        true);
  }

  private static void generate(ModelConfig config, DType weights, DType cached, Backend backend) {
    int[] text = new SplittableRandom(SEED).ints(CONTEXT, 0, VOCABULARY).toArray();
    try (RandomWeights source = new RandomWeights(config, weights, SEED);
        Transformer model = Transformer.of(source, backend);
        KvCache cache = model.newCache(CONTEXT, CacheTypes.of(cached), CONTEXT);
        Batch batch = Batch.continuing(cache, CONTEXT);
        Exec exec = new Exec(backend)) {
      for (int count : STEPS) {
        exec.reset();
        model.logits(exec, model.hidden(exec, batch.fill(text, cache.length(), count, 1)));
        cache.advance(count);
      }
    }
  }

  private static void train(ModelConfig config, double dropout, Backend backend) {
    TrainOptions options =
        TrainOptions.of(
                new BatchOptions(2, CONTEXT / 2, 1),
                new Horizon.Steps(1),
                ScheduleOptions.constant(RATE))
            .withDropout(dropout);
    try (RandomWeights source = new RandomWeights(config, DType.F32, SEED)) {
      StepLosses.of(source, backend, options, 2);
    }
  }

  /** Whether all operations differ by no more than rounding. */
  public boolean passes() {
    return found.values().stream().allMatch(this::passes);
  }

  private boolean passes(OperationDifference one) {
    return one.error() <= most;
  }

  /** A line for each operation. */
  public String table() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("operation", "", "calls", "greatest error", "operands of that call"));
    found.forEach((name, one) ->
        rows.add(
            List.of(
                name,
                passes(one) ? "same" : "DIFFERENT",
                Long.toString(one.calls()),
                String.format(Locale.ROOT, "%.1e", one.error()),
                one.operands())));
    return MarkdownTable.of(rows, column -> column < 2 || column == 4);
  }

  /** For JSON. */
  public List<Map<String, Object>> records() {
    List<Map<String, Object>> records = new ArrayList<>();
    found.forEach((name, one) -> {
      Map<String, Object> record = new LinkedHashMap<>();
      record.put("operation", name);
      record.put("calls", one.calls());
      record.put("greatest_error", one.error());
      record.put("operands", one.operands());
      record.put("passes", passes(one));
      records.add(record);
    });
    return records;
  }
}
