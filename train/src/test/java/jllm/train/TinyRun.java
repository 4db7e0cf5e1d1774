package jllm.train;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.CpuKernels;
import jllm.tokenize.shard.ShardFormat;
import jllm.tokenize.shard.ShardListener;
import jllm.train.data.DataOptions;
import jllm.train.data.SourceSpec;
import jllm.train.data.TrainingData;
import jllm.train.model.ModelOverrides;
import jllm.train.model.ModelShape;
import org.jspecify.annotations.Nullable;

/** A run of a very small model on a few tokens. */
final class TinyRun {
  static final int VOCABULARY = 23;
  static final int LENGTH = 8;

  private TinyRun() {}

  static ModelConfig gpt2() {
    return ModelShape.gpt2(2, 2, 16, 16).config(VOCABULARY);
  }

  static ModelConfig llama() {
    return ModelShape.llama(2, 4, 2, 16, 24, 16, false).config(VOCABULARY);
  }

  static ModelConfig qwen2() {
    return changed(ModelShape.Bias.QUERY_KEY_VALUE, 0);
  }

  static ModelConfig mixtral() {
    return changed(ModelShape.Bias.NONE, 4);
  }

  private static ModelConfig changed(ModelShape.Bias bias, int experts) {
    return ModelShape.llama(2, 4, 2, 16, 24, 16, true)
        .with(
            new ModelOverrides(
                null, null, null, null, null, null, null, null, null, null, bias, null, experts,
                null, null))
        .config(VOCABULARY);
  }

  /** A shard of tokens that have something to learn: each follows from the one before mostly. */
  static Path shard(Path file, int count, long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    int[] token = {0};
    return shard(
        file,
        count,
        _ ->
            token[0] =
                random.nextInt(4) == 0
                    ? random.nextInt(VOCABULARY)
                    : (token[0] * 5 + 3) % VOCABULARY);
  }

  static Path shard(Path file, int count, IntFunction<Integer> tokens) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(ShardFormat.HEADER_BYTES + 2 * count).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(0, ShardFormat.UINT16.magic()).putInt(4, ShardFormat.UINT16.version());
    bytes.putInt(8, count);
    for (int i = 0; i < count; i++) {
      bytes.putShort(ShardFormat.HEADER_BYTES + 2 * i, (short) (int) tokens.apply(i));
    }
    return Files.write(file, bytes.array());
  }

  static TrainOptions options(long steps) {
    return TrainOptions.of(
        new BatchOptions(3, LENGTH, 2),
        new Horizon.Steps(steps),
        new ScheduleOptions(ScheduleOptions.Kind.COSINE, 1e-2, 1e-3, 3, 0.2));
  }

  static DataOptions data(Path shard) {
    return new DataOptions(List.of(new SourceSpec(shard, 0)), List.of(), 0.2, false, true, 9);
  }

  static TrainingData open(DataOptions options) throws IOException {
    return TrainingData.open(options, null, VOCABULARY, LENGTH, ShardListener.NONE);
  }

  /** What a run told. */
  static class Log implements TrainListener {
    final List<StepReport> steps = new ArrayList<>();
    final List<EvaluationReport> evaluations = new ArrayList<>();
    final List<Long> saved = new ArrayList<>();
    long stopAfter = Long.MAX_VALUE;

    @Override
    public void stepped(StepReport report) {
      steps.add(report);
    }

    @Override
    public void evaluated(EvaluationReport report) {
      evaluations.add(report);
    }

    @Override
    public void saved(long step, Path checkpoint) {
      saved.add(step);
    }

    @Override
    public boolean stopRequested() {
      return steps.size() >= stopAfter;
    }

    List<Double> losses() {
      return steps.stream().map(StepReport::loss).toList();
    }
  }

  /** Runs to the end, from a checkpoint where there is one; returns all weights as bits. */
  static List<byte[]> run(
      ModelConfig config,
      Path shard,
      TrainOptions options,
      @Nullable Path folder,
      Log log,
      @Nullable Checkpoint checkpoint)
      throws IOException {
    return run(CpuKernels.AUTO, config, shard, options, folder, log, checkpoint);
  }

  /** The same with other kernels. */
  static List<byte[]> run(
      CpuKernels kernels,
      ModelConfig config,
      Path shard,
      TrainOptions options,
      @Nullable Path folder,
      Log log,
      @Nullable Checkpoint checkpoint)
      throws IOException {
    try (Backend backend = kernels.open(1);
        TrainingData data = open(data(shard));
        TrainedWeights weights =
            checkpoint == null
                ? TrainedWeights.random(config, options.weightType(), options.seed(), backend)
                : checkpoint.weights(backend);
        Trainer trainer =
            new Trainer(
                backend, weights, data, null, options, folder, Map.of("a", "b"), log, checkpoint)) {
      trainer.run();
      return bits(weights);
    }
  }

  static List<byte[]> bits(TrainedWeights weights) {
    List<byte[]> bits = new ArrayList<>();
    for (TrainedWeights.Weight weight : weights.all()) {
      bits.add(weight.model().segment().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
      bits.add(weight.master().segment().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
    }
    return bits;
  }

  static DType type(int index) {
    return index == 0 ? DType.F32 : DType.BF16;
  }
}
