package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import jllm.bench.Profile;
import jllm.bench.ProfilingBackend;
import jllm.bench.StatedPeak;
import jllm.bench.TrainingBenchmark;
import jllm.format.ModelConfig;
import jllm.format.model.ModelArchitectures;
import jllm.quantize.QuantizationType;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.MachineLimits;
import jllm.train.AdapterOptions;
import jllm.train.BatchOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
import jllm.train.TimedSteps;
import jllm.train.TrainOptions;
import jllm.train.model.ModelCosts;
import jllm.train.model.ModelOverrides;
import jllm.train.model.ModelShape;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jllm bench-train}: how fast models are trained here, and how fast they could be. */
@Command(
    name = "bench-train",
    description = "Measure a training step: forward, backward, optimizer, beside the peak.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Weights and tokens are random. Each phase is the median of the repetitions. Several",
      "numbers for --batch-size, --seq-len or --width give a line for each combination. The share",
      "of the peak is that of the peak that was measured; MFU is that of the peak which the maker",
      "of the device states, where that is known.",
      "",
      "Example: jllm bench-train --preset gpt2-small --batch-size 4 --seq-len 64",
      "What a token costs as contexts grow:",
      "  jllm bench-train --preset llama-15m --context 2048 --batch-size 1 --seq-len"
          + " 256,512,1024,2048",
      "Where the time goes: jllm bench-train --preset gpt2-small --batch-size 4 --profile",
      "LoRA of a model that is too large to be trained whole:",
      "  jllm bench-train --preset llama-8b --lora-rank 16 --lora-only --frozen-type bf16"
          + " --batch-size 1 --seq-len 2048"
    })
final class BenchTrainCommand implements Callable<Integer> {
  private static final int USUAL_VOCABULARY = 50257;
  private static final double RATE = 1e-5;
  private static final long MILLION = 1_000_000;
  private static final String MOST = "max";

  /** More make no step faster. */
  private static final int MOST_TOKENS = 1 << 18;

  /** The part of the memory that the largest batch may need by the estimate, which is near. */
  private static final double USED_MEMORY = 0.93;

  private final Streams streams;

  @Mixin private final PretrainModelOptions models = new PretrainModelOptions();

  @Option(
      names = "--batch-size",
      paramLabel = "N,...",
      split = ",",
      defaultValue = "4",
      description =
          "Sequences computed at once; max = as many as there is memory for, by estimate. Default:"
              + " ${DEFAULT-VALUE}.")
  private String[] batches = {};

  @Option(
      names = "--seq-len",
      paramLabel = "N,...",
      split = ",",
      description = "Tokens of a sequence. Default: the context of the model.")
  private int[] lengths = {};

  @Option(
      names = "--width",
      paramLabel = "N,...",
      split = ",",
      description =
          "Widths of the residual stream; feed-forward layers grow with it, the number of heads"
              + " stays.")
  private int[] widths = {};

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      defaultValue = "5",
      description = "Steps that are timed. Default: ${DEFAULT-VALUE}.")
  private int repetitions;

  @Option(
      names = "--warm-up",
      paramLabel = "SECONDS",
      defaultValue = "10",
      description =
          "Steps before: the JIT compiles the kernels meanwhile. Default: ${DEFAULT-VALUE}.")
  private int warmUp;

  @Option(
      names = "--lora-rank",
      paramLabel = "N",
      description =
          "Measure also steps that train an adapter of that rank, of all linear layers, and how many"
              + " times as fast they are.")
  private @Nullable Integer rank;

  @Option(names = "--lora-only", description = "With --lora-rank: measure that alone.")
  private boolean loraOnly;

  @Option(
      names = "--lora-dropout",
      paramLabel = "F",
      defaultValue = "0.05",
      description = "Of the adapter. Default: ${DEFAULT-VALUE}.")
  private double loraDropout;

  @Option(
      names = "--frozen-type",
      paramLabel = "TYPE",
      defaultValue = "f32",
      description =
          "Type of the matrices that the adapter changes: f32, bf16, q8_0... Default: ${DEFAULT-VALUE}.")
  private String frozenType = "f32";

  @Option(
      names = "--grad-checkpoint",
      description = "Compute activations again instead of keeping them.")
  private boolean recompute;

  @Option(
      names = "--profile",
      description =
          "Print where the time of a step goes instead of how much it is: each operation with its"
              + " bytes, its products and their share of the limits, timed on the device itself.")
  private boolean profile;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OutputOptions output = new OutputOptions();

  BenchTrainCommand(Streams streams) {
    this.streams = streams;
  }

  private record Case(ModelConfig config, TrainOptions options) {}

  @Override
  public Integer call() throws IOException {
    Range.check("--repetitions", repetitions, 1, 10_000);
    Range.check("--warm-up", warmUp, 0, 3600);
    compute.check();
    output.apply();
    models.check();
    frozenType();
    if (models.initFrom != null) {
      throw new UsageException("a shape is measured, with random weights; leave out --init-from");
    }
    if (loraOnly && rank == null) {
      throw new UsageException("--lora-only needs --lora-rank");
    }
    try (Backend backend = compute.trainingBackend(null)) {
      List<Case> cases = cases(backend);
      if (profile) {
        writeProfiles(cases, backend);
      } else {
        measure(cases, backend);
      }
    }
    return ExitCode.OK;
  }

  private void measure(List<Case> cases, Backend backend) throws IOException {
    double peak = compute.peakFlops(backend);
    TrainingBenchmark benchmark = new TrainingBenchmark(backend, peak);
    List<TrainingBenchmark.Result> results = new ArrayList<>();
    for (Case one : cases) {
      if (!loraOnly) {
        results.add(benchmark.run(one.config(), one.options(), repetitions, warmUpNanos()));
      }
      if (rank != null) {
        results.add(
            benchmark.runAdapter(
                one.config(),
                frozenType(),
                adapter(rank),
                one.options(),
                repetitions,
                warmUpNanos()));
      }
    }
    write(results, backend, peak);
  }

  private void writeProfiles(List<Case> cases, Backend backend) throws IOException {
    MachineLimits limits = compute.limits(backend);
    List<Profile> profiles = new ArrayList<>();
    for (Case one : cases) {
      BatchOptions size = one.options().batch();
      String name = "%d x %d".formatted(size.batchSize(), size.sequenceLength());
      if (!loraOnly) {
        profiles.add(
            ProfilingBackend.profileTraining(
                "step of " + name,
                backend,
                profiled -> TimedSteps.ofWeights(profiled, one.config(), one.options()),
                repetitions,
                warmUpNanos()));
      }
      if (rank != null) {
        AdapterOptions adapter = adapter(rank);
        DType frozen = frozenType();
        profiles.add(
            ProfilingBackend.profileTraining(
                "adapter step of " + name,
                backend,
                profiled ->
                    TimedSteps.ofAdapter(profiled, one.config(), frozen, adapter, one.options()),
                repetitions,
                warmUpNanos()));
      }
    }
    BenchCommand.Format format = output.json ? BenchCommand.Format.JSON : BenchCommand.Format.MD;
    new ProfileReport(streams, format).write(profiles, backend, limits);
  }

  private long warmUpNanos() {
    return 1000L * warmUp * MILLION;
  }

  private AdapterOptions adapter(int rank) {
    return new AdapterOptions(rank, 2.0 * rank, false, loraDropout, List.of("all"), 0);
  }

  private DType frozenType() {
    try {
      return QuantizationType.elementNamed(frozenType);
    } catch (IllegalArgumentException e) {
      throw new UsageException("--frozen-type: " + e.getMessage());
    }
  }

  private List<Case> cases(Backend backend) {
    Integer vocabulary = models.vocabulary;
    List<Case> cases = new ArrayList<>();
    for (@Nullable Integer width : orNone(widths)) {
      ModelShape shape = models.shape();
      if (width != null) {
        shape = shape.with(ModelOverrides.ofWidth(width));
      }
      ModelConfig config = shape.config(vocabulary == null ? USUAL_VOCABULARY : vocabulary);
      for (@Nullable Integer length : orNone(lengths)) {
        int tokens = length == null ? config.contextLength() : length;
        Range.check("--seq-len", tokens, 1, config.contextLength());
        for (String batch : batches) {
          int size = batch.equals(MOST) ? most(config, tokens, backend) : number(batch);
          TrainOptions options = options(size, tokens, backend);
          requireMemory(config, options, backend);
          cases.add(new Case(config, options));
        }
      }
    }
    return cases;
  }

  private static List<@Nullable Integer> orNone(int[] values) {
    List<@Nullable Integer> list = new ArrayList<>();
    for (int value : values) {
      list.add(value);
    }
    if (list.isEmpty()) {
      list.add(null);
    }
    return list;
  }

  private static int number(String batch) {
    try {
      return Integer.parseInt(batch);
    } catch (NumberFormatException e) {
      throw new UsageException("--batch-size: found '" + batch + "', expected a number or " + MOST);
    }
  }

  private TrainOptions options(int batch, int tokens, Backend backend) {
    return TrainOptions.of(
            new BatchOptions(batch, tokens, 1),
            new Horizon.Steps(1),
            ScheduleOptions.constant(RATE))
        .withWeightType(compute.weightType(backend))
        .withRecompute(recompute);
  }

  /** The largest batch that memory has room for, 1 at least. */
  private int most(ModelConfig config, int tokens, Backend backend) {
    double available = USED_MEMORY * Memory.available(backend);
    int most = 1;
    for (int step = Integer.highestOneBit(MOST_TOKENS / tokens); step > 0; step /= 2) {
      int tried = most + step;
      boolean possible = (long) tried * tokens <= MOST_TOKENS;
      if (possible && needed(config, options(tried, tokens, backend), backend) <= available) {
        most = tried;
      }
    }
    return most;
  }

  /** Bytes; of an adapter those of the frozen weights and the activations, which are most. */
  private long needed(ModelConfig config, TrainOptions options, Backend backend) {
    BatchOptions batch = options.batch();
    ModelCosts.Memory memory =
        ModelCosts.of(config, batch.sequenceLength())
            .memory(
                config,
                batch.tokensPerBatch(),
                options.recompute(),
                false,
                options.weightType(),
                backend);
    return loraOnly
        ? frozenBytes(config) + memory.activations() + memory.program()
        : memory.total();
  }

  private long frozenBytes(ModelConfig config) {
    long bytes = 0;
    for (Shape shape : ModelArchitectures.weights(config).values()) {
      bytes += Tensor.byteSize(shape.rank() > 1 ? frozenType() : DType.F32, shape);
    }
    return bytes;
  }

  private void requireMemory(ModelConfig config, TrainOptions options, Backend backend) {
    BatchOptions batch = options.batch();
    long needed = needed(config, options, backend);
    if (needed > Memory.available(backend)) {
      throw new ResourceException(
          "training %d x %d tokens at width %d needs %s of memory, but only %s are available"
              .formatted(
                  batch.batchSize(),
                  batch.sequenceLength(),
                  config.width(),
                  Memory.show(needed),
                  Memory.show(Memory.available(backend))));
    }
  }

  private void write(List<TrainingBenchmark.Result> results, Backend backend, double peak)
      throws IOException {
    if (output.json) {
      try (Json json = new Json(streams.out())) {
        json.array(results.stream().map(TrainingBenchmark.Result::record).toList());
      }
      return;
    }
    streams.out().print(TrainingBenchmark.markdown(results));
    for (int i = 1; rank != null && !loraOnly && i < results.size(); i += 2) {
      streams
          .out()
          .print(
              String.format(
                  Locale.ROOT,
                  "%nAn adapter of rank %d over %s: %.2f times the tokens/s of all weights.%n",
                  rank,
                  frozenType,
                  results.get(i).tokensPerSecond() / results.get(i - 1).tokensPerSecond()));
    }
    if (!output.quiet) {
      streams
          .err()
          .println(
              "%s; measured peak %.0f GFLOP/s in %s"
                  .formatted(backend.describe(), peak / 1e9, StatedPeak.precision(backend)));
    }
  }
}
