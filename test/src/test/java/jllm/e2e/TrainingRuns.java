package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What folders of runs of training hold. */
final class TrainingRuns {
  private TrainingRuns() {}

  /** Waits for a checkpoint after so many steps or more. */
  static void awaitStep(Path run, int step, Process process) throws Exception {
    Path latest = run.resolve("checkpoints").resolve("latest");
    while (!Files.exists(latest)
        || Integer.parseInt(Files.readString(latest).strip().substring("step-".length())) < step) {
      assertTrue(process.isAlive(), "the run ended before step " + step);
      Thread.onSpinWait();
    }
  }

  /** All that was measured but the speed. */
  static List<String> losses(Path run) throws IOException {
    List<String> lines = new ArrayList<>();
    for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
      lines.add(line.replaceAll("\"tokens_per_second\": [^,}]*", ""));
    }
    return lines;
  }
}
