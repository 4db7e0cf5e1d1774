package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import jllm.bench.TrainingBenchmark;
import jllm.format.ModelConfig;
import jllm.quantize.QuantizationType;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.train.AdapterOptions;
import jllm.train.BatchOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
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
      "Weights and tokens are random; float32. Each phase is the median of the repetitions."
          + " Several",
      "numbers for --batch-size, --seq-len or --width give a line for each combination.",
      "",
      "Example: jllm bench-train --preset gpt2-small --batch-size 4 --seq-len 64",
      "What a token costs as contexts grow:",
      "  jllm bench-train --preset llama-15m --context 2048 --batch-size 1 --seq-len"
          + " 256,512,1024,2048"
    })
final class BenchTrainCommand implements Callable<Integer> {
  private static final int USUAL_VOCABULARY = 50257;
  private static final double RATE = 1e-5;
  private static final long MILLION = 1_000_000;

  private final Streams streams;

  @Mixin private final PretrainModelOptions models = new PretrainModelOptions();

  @Option(
      names = "--batch-size",
      paramLabel = "N,...",
      split = ",",
      defaultValue = "4",
      description = "Sequences computed at once. Default: ${DEFAULT-VALUE}.")
  private int[] batches = {};

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
    List<TrainingBenchmark.Result> results = new ArrayList<>();
    try (Backend backend = compute.trainingBackend(null)) {
      List<Case> cases = cases(backend);
      double peak = compute.peakFlops(backend);
      TrainingBenchmark benchmark = new TrainingBenchmark(backend, peak);
      for (Case one : cases) {
        results.addAll(measure(benchmark, one));
      }
      write(results, backend, peak);
    }
    return ExitCode.OK;
  }

  private List<TrainingBenchmark.Result> measure(TrainingBenchmark benchmark, Case one) {
    ModelConfig config = one.config();
    TrainOptions options = one.options();
    long warmUpNanos = warmUp * 1000 * MILLION;
    List<TrainingBenchmark.Result> results = new ArrayList<>();
    results.add(benchmark.run(config, options, repetitions, warmUpNanos));
    if (rank != null) {
      AdapterOptions adapter =
          new AdapterOptions(rank, 2.0 * rank, false, loraDropout, List.of("all"), 0);
      results.add(
          benchmark.runAdapter(config, frozenType(), adapter, options, repetitions, warmUpNanos));
    }
    return results;
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
        for (int batch : batches) {
          TrainOptions options =
              TrainOptions.of(
                      new BatchOptions(batch, tokens, 1),
                      new Horizon.Steps(1),
                      ScheduleOptions.constant(RATE))
                  .withWeightType(compute.weightType(backend))
                  .withRecompute(recompute);
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

  private static void requireMemory(ModelConfig config, TrainOptions options, Backend backend) {
    BatchOptions batch = options.batch();
    long needed =
        ModelCosts.of(config, batch.sequenceLength())
            .memory(
                config,
                batch.tokensPerBatch(),
                options.recompute(),
                false,
                options.weightType(),
                backend)
            .total();
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
    for (int i = 1; rank != null && i < results.size(); i += 2) {
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
              "%s; measured peak %.0f GFLOP/s in float32"
                  .formatted(backend.describe(), peak / 1e9));
    }
  }
}
