package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Stream;
import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.train.BatchOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
import jllm.train.TimedSteps;
import jllm.train.TrainOptions;
import jllm.train.model.ModelCosts;
import jllm.train.model.ModelShape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a training step holds on a device, in float32 and with rounded operands. */
class TrainingMemoryTest {
  private static final int BATCH = 20;
  private static final int LENGTH = 32;

  static Stream<Arguments> models() {
    return Stream.of(
        Arguments.of("gpt2", ModelShape.gpt2(2, 2, 64, LENGTH).config(301), false),
        Arguments.of("gpt2", ModelShape.gpt2(4, 2, 64, LENGTH).config(301), true),
        Arguments.of("llama", ModelShape.llama(2, 4, 2, 64, 192, LENGTH, false).config(501), false),
        // Rows of an odd number of columns stay as they are.
        Arguments.of(
            "odd llama", ModelShape.llama(2, 2, 2, 60, 180, LENGTH, true).config(501), false));
  }

  @Test
  void inFloats() {
    ModelConfig config = ModelShape.gpt2(2, 2, 64, LENGTH).config(301);
    check(TestDevice.backend(), "gpt2 in floats", config, false);
  }

  @ParameterizedTest
  @MethodSource("models")
  void withRoundedOperands(String name, ModelConfig config, boolean recompute) {
    check(TestDevice.rounding(), name, config, recompute);
  }

  private static void check(Backend backend, String name, ModelConfig config, boolean recompute) {
    TrainOptions options =
        TrainOptions.of(
                new BatchOptions(BATCH, LENGTH, 1),
                new Horizon.Steps(1),
                ScheduleOptions.constant(0.1))
            .withRecompute(recompute);
    try (TimedSteps steps = TimedSteps.ofWeights(backend, config, options)) {
      steps.step();
      steps.step(); // in one piece of memory, as large as the first one needed
      long held = steps.activationBytes();
      long estimated =
          ModelCosts.of(config, LENGTH)
              .memory(config, BATCH * LENGTH, recompute, false, DType.F32, backend)
              .activations();
      double ratio = (double) estimated / held;
      assertTrue(
          ratio > 0.95 && ratio < 1.1,
          "%s: estimated %d bytes, held are %d".formatted(name, estimated, held));
    }
  }
}
