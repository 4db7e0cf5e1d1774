package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import jllm.cuda.TestDevice;
import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.CpuKernels;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.shard.ShardListener;
import jllm.train.BatchOptions;
import jllm.train.DivergedException;
import jllm.train.GuardOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
import jllm.train.StepReport;
import jllm.train.TrainListener;
import jllm.train.TrainOptions;
import jllm.train.TrainedWeights;
import jllm.train.Trainer;
import jllm.train.data.DataOptions;
import jllm.train.data.SourceSpec;
import jllm.train.data.SpotTokenizers;
import jllm.train.data.TrainingData;
import jllm.train.model.ModelShape;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Where a loss that is not finite comes from, on each backend. */
class AnomalyTest {
  private static final int LENGTH = 8;
  private static final GuardOptions DETECT = new GuardOptions(5, 0, 8, true);

  @TempDir Path folder;

  enum Device {
    SCALAR,
    VECTOR,
    CUDA,
    CUDA_BF16;

    /** Whether the backend is that of all tests. */
    boolean isShared() {
      return this == CUDA || this == CUDA_BF16;
    }

    Backend open() {
      return switch (this) {
        case SCALAR -> CpuKernels.SCALAR.open(1);
        case VECTOR -> CpuKernels.VECTOR.open(1);
        case CUDA -> TestDevice.backend();
        case CUDA_BF16 -> TestDevice.rounding();
      };
    }
  }

  @ParameterizedTest
  @EnumSource(Device.class)
  void aWeightThatIsNotFiniteIsNamed(Device device) throws IOException {
    String message =
        diverged(
            device,
            1e-3,
            DETECT,
            false,
            weights -> put(device, weights.tensor("blk.1.attn_output.weight"), Float.NaN));
    assertTrue(message.contains("step 0: loss NaN"), message);
    assertTrue(message.contains("the forward pass of block 1: the result linear"), message);
    assertTrue(message.contains("w [32, 32] (blk.1.attn_output.weight) holds 1 "), message);
    assertTrue(message.contains("first NaN at [3, 5]"), message);
    assertTrue(message.contains("before the first update"), message);
  }

  /** Layers that run again for their derivatives are looked at when they first run. */
  @ParameterizedTest
  @EnumSource(Device.class)
  void activationsThatAreNotKeptAreLookedAt(Device device) throws IOException {
    String message =
        diverged(
            device,
            1e-3,
            DETECT,
            true,
            weights ->
                put(device, weights.tensor("blk.2.ffn_norm.weight"), Float.POSITIVE_INFINITY));
    assertTrue(message.contains("the forward pass of block 2: the result rms norm"), message);
    assertTrue(message.contains("first Infinity at"), message);
  }

  /** A token that the text does not have. Some backends turn logits into their derivative. */
  @ParameterizedTest
  @EnumSource(Device.class)
  void logitsAreLookedAt(Device device) throws IOException {
    String message =
        diverged(
            device,
            1e-3,
            DETECT,
            false,
            weights -> put(device, weights.tensor("token_embd.weight"), Float.NEGATIVE_INFINITY));
    assertTrue(message.contains("the forward pass: the result linear"), message);
    assertTrue(message.contains("(token_embd.weight) holds 1 "), message);
  }

  /** The product of finite numbers that are too large. */
  @ParameterizedTest
  @EnumSource(Device.class)
  void anOverflowIsNoDamage(Device device) throws IOException {
    String message =
        diverged(
            device,
            1e-3,
            DETECT,
            false,
            weights -> {
              put(device, weights.tensor("blk.1.ffn_gate.weight"), 3e38f);
              put(device, weights.tensor("blk.1.ffn_up.weight"), 3e38f);
            });
    assertTrue(message.contains("of block 1: the result "), message);
    assertTrue(message.contains("is finite, at most 3.00e+38"), message);
    assertTrue(message.contains("grew too large"), message);
  }

  @ParameterizedTest
  @EnumSource(Device.class)
  void aLearningRateThatIsMuchTooLargeEndsTheRun(Device device) throws IOException {
    String message = diverged(device, 1e38, DETECT, false, _ -> {});
    assertTrue(message.contains("learning rate 1.0E38"), message);
    assertTrue(message.contains("with a lower learning rate"), message);
  }

  /** Without the option all goes on, and the message says that there is one. */
  @ParameterizedTest
  @EnumSource(Device.class)
  void withoutLookingTheOptionIsNamed(Device device) throws IOException {
    String message =
        diverged(
            device,
            1e-3,
            new GuardOptions(2, 0, 8, false),
            false,
            weights -> put(device, weights.tensor("blk.1.attn_output.weight"), Float.NaN));
    assertTrue(message.startsWith("2 steps in a row"), message);
    assertTrue(message.contains("not finite are blk.1.attn_output.weight"), message);
    assertTrue(message.contains("--detect-anomaly"), message);
  }

  /** The message that a run ends with. */
  private String diverged(
      Device device,
      double rate,
      GuardOptions guard,
      boolean recompute,
      Consumer<TrainedWeights> damage)
      throws IOException {
    Backend backend = device.open();
    try {
      Path text = Files.writeString(folder.resolve("text.txt"), "to be or not to be\n".repeat(30));
      Tokenizer tokenizer = SpotTokenizers.bytes(false);
      ModelConfig config =
          ModelShape.llama(3, 2, 1, 32, 48, 16, true).config(tokenizer.vocabulary().size());
      TrainOptions options =
          TrainOptions.of(
                  new BatchOptions(2, LENGTH, 2),
                  new Horizon.Steps(40),
                  ScheduleOptions.constant(rate))
              .withGuard(guard)
              .withDropout(0.1)
              .withRecompute(recompute);
      DataOptions source =
          new DataOptions(List.of(new SourceSpec(text, 0)), List.of(), 0.2, false, true, 9);
      Steps steps = new Steps();
      try (TrainingData data =
              TrainingData.open(
                  source, tokenizer, config.vocabularySize(), LENGTH, ShardListener.NONE);
          TrainedWeights weights = TrainedWeights.random(config, DType.F32, 1, backend);
          Trainer trainer =
              new Trainer(backend, weights, data, tokenizer, options, null, Map.of(), steps)) {
        damage.accept(weights);
        DivergedException error = assertThrows(DivergedException.class, trainer::run);
        assertEquals(StepReport.Skipped.NON_FINITE, steps.last);
        return String.valueOf(error.getMessage());
      }
    } finally {
      if (!device.isShared()) {
        backend.close();
      }
    }
  }

  private static final class Steps implements TrainListener {
    private StepReport.Skipped last = StepReport.Skipped.NO;

    @Override
    public void stepped(StepReport report) {
      last = report.skipped();
    }
  }

  /** Gives one element of a weight, that of row 3 and column 5, another value. */
  private static void put(Device device, Tensor weight, float value) {
    int at = weight.shape().rank() > 1 ? 3 * weight.columns() + 5 : 5;
    if (!device.isShared()) {
      weight.segment().setAtIndex(ValueLayout.JAVA_FLOAT, at, value);
      return;
    }
    Backend backend = device.open();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(Tensor.byteSize(DType.F32, weight.shape()));
      backend.download(copy, weight);
      copy.setAtIndex(ValueLayout.JAVA_FLOAT, at, value);
      backend.upload(weight, copy);
    }
  }
}
