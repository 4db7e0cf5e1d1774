package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import jllm.cuda.TestDevice;
import jllm.format.ModelConfig;
import jllm.format.NormConfig;
import jllm.tensor.Activation;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.OperationTimer;
import jllm.tensor.cpu.CpuKernels;
import jllm.train.BatchOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
import jllm.train.StepLosses;
import jllm.train.TrainOptions;
import jllm.train.TrainedWeights;
import jllm.train.model.ModelShape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Training in BF16 on a CUDA device beside training in float32. */
class CudaRoundedTrainingTest {
  private static final int STEPS = 12;
  private static final double RATE = 1e-3;

  enum Model {
    GPT2(ModelShape.gpt2(2, 2, 32, 16).config(64)),
    LLAMA(ModelShape.llama(2, 4, 2, 32, 48, 16, true).config(67)),
    /** Rows of 2 of 4 experts. */
    EXPERTS(experts().config(67)),
    /** Widths whose rows do not begin at multiples of 16 bytes. */
    ODD(ModelShape.llama(1, 3, 1, 30, 50, 16, false).config(61));

    private final ModelConfig config;

    Model(ModelConfig config) {
      this.config = config;
    }

    private static ModelShape experts() {
      return new ModelShape(
          1,
          4,
          2,
          32,
          48,
          16,
          NormConfig.Kind.RMS,
          Activation.SILU,
          true,
          ModelShape.Position.ROPE,
          ModelShape.Bias.NONE,
          true,
          4,
          2,
          10_000,
          1e-5f);
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

  /** GELU goes through the products of the layers around it, where the model has that. */
  @ParameterizedTest
  @EnumSource(Model.class)
  void geluIsPartOfProducts(Model model) {
    Backend device = TestDevice.rounding();
    try (OperationTimer timer = device.timer()) {
      timer.start();
      losses(model, DType.BF16, device);
      timer.stop();
      List<String> kernels = timer.kernels();
      boolean expected = model == Model.GPT2;
      assertEquals(expected, kernels.contains("cublasLt gelu_aux_bias"), model.toString());
      assertEquals(expected, kernels.contains("cublasLt dgelu"), model.toString());
      assertFalse(kernels.contains("activate_bf16"), model.toString());
      assertFalse(kernels.contains("activate_backward"), model.toString());
    }
  }

  @Test
  void expertsAreMultipliedOnTensorCores() {
    Backend device = TestDevice.rounding();
    try (OperationTimer timer = device.timer()) {
      timer.start();
      losses(Model.EXPERTS, DType.BF16, device);
      timer.stop();
      List<String> kernels = timer.kernels();
      assertTrue(kernels.contains("expert_mma_64_bf16"), kernels.toString());
      assertTrue(kernels.contains("expert_mma_input_64_bf16"), kernels.toString());
      assertTrue(kernels.contains("expert_mma_weight"), kernels.toString());
      assertFalse(kernels.contains("expert_weight"), kernels.toString());
    }
  }

  /** Blocks that are computed again compute the same. */
  @ParameterizedTest
  @EnumSource(Model.class)
  void recomputedBlocksLearnTheSame(Model model) {
    assertArrayEquals(
        losses(model, DType.BF16, TestDevice.rounding(), false),
        losses(model, DType.BF16, TestDevice.rounding(), true));
  }

  private static double[] losses(Model model, DType type, Backend backend) {
    return losses(model, type, backend, false);
  }

  private static double[] losses(Model model, DType type, Backend backend, boolean recompute) {
    TrainOptions options =
        TrainOptions.of(
                new BatchOptions(2, 16, 1),
                new Horizon.Steps(STEPS),
                ScheduleOptions.constant(RATE))
            .withWeightType(type)
            .withRecompute(recompute);
    // Of float32 in both cases: the rounding is the trainer's.
    try (TrainedWeights weights = TrainedWeights.random(model.config, DType.F32, 7, backend)) {
      return StepLosses.of(weights.onHost(), backend, options, STEPS, RATE);
    }
  }
}
