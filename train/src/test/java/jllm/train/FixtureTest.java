package jllm.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorBackend;
import jllm.tokenize.shard.ShardListener;
import jllm.train.data.DataOptions;
import jllm.train.data.SourceSpec;
import jllm.train.data.TrainingData;
import org.junit.jupiter.api.Test;

/**
 * Losses of 61 steps of another implementation of GPT-2 and AdamW, in C.
 *
 * <p>The run is unstable at two places: before steps 29 and 40 the model has lost its way (losses
 * of 9.3 and 3.7, gradients 30 and 55 times as long as around them) and finds back with the next
 * step. There, differences of rounding grow. The very program that wrote the trace, compiled
 * without fused multiply-add or with -Ofast, differs from it by 6e-3 at step 40 and by 1e-2 in the
 * validation loss there; this library by 4.0e-3 and 6.2e-3, in double precision (the scalar
 * backend) by 3.3e-3 at step 40. Everywhere else the trace is followed within 2e-4, but for some
 * steps of the recovery, which are named.
 */
final class FixtureTest {
  private static final double TOLERANCE = 2e-4;

  /** Where no two compilations of the reference agree. */
  private static final int PEAK = 40;

  private static final double AT_THE_PEAK = 1e-2;

  /** Steps that still show what happened at the peak; up to 6.5e-4 were measured. */
  private static final Set<Integer> RECOVERY = Set.of(44, 45, 46, 50, 51, 52, 56);

  private static final double IN_RECOVERY = 1e-3;

  private static double tolerance(int step) {
    return step == PEAK ? AT_THE_PEAK : RECOVERY.contains(step) ? IN_RECOVERY : TOLERANCE;
  }

  /** Those of batches outside of training are within 6e-5, but at the peak. */
  private static double validationTolerance(int step) {
    return step == PEAK ? AT_THE_PEAK : TOLERANCE;
  }

  @Test
  void lossesAreThoseOfTheTrace() throws IOException {
    Path folder = Fixtures.get("training/gpt2-bytes");
    List<Double> losses = new ArrayList<>();
    List<Double> valLosses = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("trace.txt"))) {
      String number = line.substring(line.lastIndexOf(' ') + 1);
      if (!line.isBlank()) {
        (line.startsWith("val") ? valLosses : losses).add(Double.parseDouble(number));
      }
    }
    TrainOptions options =
        TrainOptions.of(
                new BatchOptions(4, 64, 1),
                new Horizon.Steps(losses.size()),
                ScheduleOptions.constant(1e-3))
            .withOptimizer(new OptimizerOptions(0.9, 0.999, 1e-8, 0, false, 0, false))
            .withEvaluation(new EvaluationOptions(10, 5));
    DataOptions dataOptions =
        new DataOptions(
            List.of(new SourceSpec(folder.resolve("train.bin"), 0)),
            List.of(folder.resolve("val.bin")),
            0,
            true,
            true,
            0);
    TinyRun.Log log = new TinyRun.Log();
    try (Backend backend = new VectorBackend(2);
        TrainingData data = TrainingData.open(dataOptions, null, 256, 64, ShardListener.NONE);
        TrainedWeights weights = weights(folder, backend);
        Trainer trainer = new Trainer(backend, weights, data, null, options, null, Map.of(), log)) {
      trainer.run();
    }
    assertEquals(61, losses.size());
    for (int i = 0; i < losses.size(); i++) {
      assertEquals(losses.get(i), log.steps.get(i).loss(), tolerance(i), "step " + i);
    }
    // One more measurement, at the end, is ours alone.
    assertEquals(7, valLosses.size());
    for (int i = 0; i < valLosses.size(); i++) {
      assertEquals(10L * i, log.evaluations.get(i).step());
      assertEquals(
          valLosses.get(i),
          log.evaluations.get(i).loss(),
          validationTolerance(10 * i),
          "before " + 10 * i);
    }
  }

  private static TrainedWeights weights(Path folder, Backend backend) throws IOException {
    try (ModelFile model = ModelFiles.open(folder)) {
      return TrainedWeights.copy(model.weights(), DType.F32, backend);
    }
  }
}
