package jllm.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import jllm.tensor.DType;
import jllm.tensor.cpu.CpuKernels;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Training with products of BF16 and masters of float32 learns as training in float32 does. */
class RoundedTrainingTest {
  private static final int STEPS = 200;
  private static final int WINDOW = 20;

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(names = {"VECTOR", "NATIVE"})
  void theLossFollowsThatOfFloat32(CpuKernels kernels) throws IOException {
    assumeTrue(
        kernels != CpuKernels.NATIVE || CpuKernels.nativeMissing().isEmpty(),
        () -> "no native kernels: " + CpuKernels.nativeMissing());
    Path shard = TinyRun.shard(folder.resolve("tokens.bin"), 2000, 5);
    List<Double> exact = losses(kernels, shard, DType.F32, false);
    assertFollows(exact, losses(kernels, shard, DType.BF16, false));
    assertFollows(exact, losses(kernels, shard, DType.BF16, true));
    assertTrue(mean(exact, STEPS - WINDOW) < 0.8 * mean(exact, 0), "nothing was learnt");
  }

  private static void assertFollows(List<Double> exact, List<Double> rounded) {
    for (int from = 0; from < STEPS; from += WINDOW) {
      double expected = mean(exact, from);
      assertEquals(expected, mean(rounded, from), 0.01 * expected, "steps from " + from);
    }
  }

  private static List<Double> losses(CpuKernels kernels, Path shard, DType type, boolean stochastic)
      throws IOException {
    TinyRun.Log log = new TinyRun.Log();
    TrainOptions options =
        TinyRun.options(STEPS)
            .withWeightType(type)
            .withOptimizer(OptimizerOptions.USUAL.withStochasticRounding(stochastic));
    TinyRun.run(kernels, TinyRun.llama(), shard, options, null, log, null);
    return log.losses();
  }

  private static double mean(List<Double> losses, int from) {
    return losses.subList(from, from + WINDOW).stream().mapToDouble(Double::doubleValue).sum()
        / WINDOW;
  }
}
