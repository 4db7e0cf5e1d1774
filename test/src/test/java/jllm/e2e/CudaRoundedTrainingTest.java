package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import jllm.cuda.TestDevice;
import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.CpuKernels;
import jllm.train.BatchOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
import jllm.train.StepLosses;
import jllm.train.TrainOptions;
import jllm.train.TrainedWeights;
import jllm.train.model.ModelShape;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Training in BF16 on a CUDA device beside training in float32. */
class CudaRoundedTrainingTest {
  private static final int STEPS = 12;
  private static final double RATE = 1e-3;

  enum Model {
    GPT2(ModelShape.gpt2(2, 2, 32, 16).config(64)),
    LLAMA(ModelShape.llama(2, 4, 2, 32, 48, 16, true).config(67)),
    /** Widths whose rows do not begin at multiples of 16 bytes. */
    ODD(ModelShape.llama(1, 3, 1, 30, 50, 16, false).config(61));

    private final ModelConfig config;

    Model(ModelConfig config) {
      this.config = config;
    }
  }

  @ParameterizedTest
  @EnumSource(Model.class)
  void lossesStayWithinAPercentOfFloat32(Model model) {
    double[] exact;
    try (Backend host = CpuKernels.VECTOR.open(1)) {
      exact = losses(model, DType.F32, host);
    }
    double[] rounded = losses(model, DType.BF16, TestDevice.rounding());
    for (int step = 0; step < STEPS; step++) {
      assertEquals(exact[step], rounded[step], 0.01 * exact[step], model + ", step " + step);
    }
    assertTrue(exact[STEPS - 1] < exact[0] - 0.1, Arrays.toString(exact));
  }

  private static double[] losses(Model model, DType type, Backend backend) {
    TrainOptions options =
        TrainOptions.of(
                new BatchOptions(2, 16, 1),
                new Horizon.Steps(STEPS),
                ScheduleOptions.constant(RATE))
            .withWeightType(type);
    // Of float32 in both cases: the rounding is the trainer's.
    try (TrainedWeights weights = TrainedWeights.random(model.config, DType.F32, 7, backend)) {
      return StepLosses.of(weights.onHost(), backend, options, STEPS, RATE);
    }
  }
}
