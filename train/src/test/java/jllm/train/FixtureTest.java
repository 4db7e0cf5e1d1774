package jllm.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
 * step. There, differences of rounding grow: in double precision (the scalar backend) the loss of
 * step 40 is 3.65734, which differs from the trace by 3.3e-3, and those after it by up to 6e-4. Up
 * to there all agree within 2e-4; beyond, the trace is followed as closely as double precision
 * follows it.
 */
final class FixtureTest {
  private static final double TOLERANCE = 2e-4;

  /** From this step on the rounding errors of both programs have grown. */
  private static final int UNSTABLE = 40;

  private static final double AT_THE_PEAK = 1e-2;
  private static final double AFTER_IT = 1e-3;

  private static double tolerance(int step) {
    return step < UNSTABLE ? TOLERANCE : step == UNSTABLE ? AT_THE_PEAK : AFTER_IT;
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
            .withOptimizer(new OptimizerOptions(0.9, 0.999, 1e-8, 0, false, 0))
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
        TrainedWeights weights = weights(folder);
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
          valLosses.get(i), log.evaluations.get(i).loss(), tolerance(10 * i), "before " + 10 * i);
    }
  }

  private static TrainedWeights weights(Path folder) throws IOException {
    try (ModelFile model = ModelFiles.open(folder)) {
      return TrainedWeights.copy(model.weights(), DType.F32);
    }
  }
}
