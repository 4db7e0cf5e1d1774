package jllm.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What keeps a run from being spoilt, and what must make no difference to it. */
final class GuardTest {
  @TempDir Path folder;

  private Path shard() throws IOException {
    return TinyRun.shard(folder.resolve("tokens.bin"), 400, 5);
  }

  @Test
  void trainingEndsWithADiagnosisWhenNothingIsFiniteAnyMore() throws IOException {
    Path shard = shard();
    TrainOptions options =
        TrainOptions.of(
                new BatchOptions(3, TinyRun.LENGTH, 1),
                new Horizon.Steps(50),
                ScheduleOptions.constant(1e30))
            .withGuard(new GuardOptions(3, 0, 8, false));
    TinyRun.Log log = new TinyRun.Log();
    DivergedException error =
        assertThrows(
            DivergedException.class,
            () -> TinyRun.run(TinyRun.gpt2(), shard, options, null, log, null));
    assertTrue(String.valueOf(error.getMessage()).startsWith("3 steps in a row"));
    StepReport last = log.steps.getLast();
    assertEquals(StepReport.Skipped.NON_FINITE, last.skipped());
    assertEquals(3, log.steps.stream().filter(step -> step.skipped() == last.skipped()).count());
  }

  @Test
  void aStepFarAboveTheOthersIsLeftOut() {
    Progress progress = new Progress();
    for (int i = 0; i < 16; i++) {
      progress.addLoss(2 + 0.1 * (i % 3), 16);
    }
    assertTrue(progress.deviations(2.2, 16) < 2);
    assertTrue(progress.deviations(3, 16) > 6);
    assertEquals(0, new Progress().deviations(100, 16));
  }

  /** A batch, or two of half the size whose gradients are added up, or done again: all the same. */
  @Test
  void accumulationAndRecomputationChangeNothing() throws IOException {
    Path shard = shard();
    TinyRun.Log once = new TinyRun.Log();
    TinyRun.run(TinyRun.llama(), shard, options(6, 1), null, once, null);
    TinyRun.Log twice = new TinyRun.Log();
    TinyRun.run(TinyRun.llama(), shard, options(3, 2), null, twice, null);
    TinyRun.Log again = new TinyRun.Log();
    TinyRun.run(TinyRun.llama(), shard, options(6, 1).withRecompute(true), null, again, null);
    for (int step = 0; step < 10; step++) {
      double expected = once.steps.get(step).loss();
      assertEquals(expected, twice.steps.get(step).loss(), 1e-4, "accumulated, step " + step);
      assertEquals(expected, again.steps.get(step).loss(), 1e-4, "recomputed, step " + step);
    }
  }

  private static TrainOptions options(int batch, int accumulation) {
    return TrainOptions.of(
        new BatchOptions(batch, TinyRun.LENGTH, accumulation),
        new Horizon.Steps(10),
        ScheduleOptions.constant(1e-3));
  }
}
