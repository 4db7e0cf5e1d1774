package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs of training that end in the middle, and go on. */
class PretrainProcessTest {
  private static final int STEPS = 400;

  @TempDir Path folder;
  private Path text;

  @BeforeEach
  void writeText() throws IOException {
    StringBuilder words = new StringBuilder();
    for (int i = 0; i < 3000; i++) {
      words.append(i * 7919 % 1013).append(i % 3 == 0 ? " and\n" : " then ");
    }
    text = Files.writeString(folder.resolve("text.txt"), words.toString());
  }

  private String[] arguments(Path run) {
    return ("pretrain --tokenizer byte --n-layer 2 --n-head 2 --d-model 16 --context 16 --dropout 0.1"
            + " --batch-size 2 --save-every 20 --keep 0 --eval-every 50 --eval-iters 2 --threads 2"
            + " --sample-every 0 --iters "
            + STEPS
            + " --data "
            + text
            + " -o "
            + run)
        .split(" ");
  }

  private Path uninterrupted() {
    Path run = folder.resolve("straight");
    Program.Result result = Program.run(arguments(run));
    assertEquals(0, result.code(), result.err());
    return run;
  }

  private static byte[] weights(Path run) throws IOException {
    return Files.readAllBytes(run.resolve("checkpoints/step-" + STEPS + "/model.safetensors"));
  }

  @Test
  void aKilledRunGoesOnToTheSameBits() throws Exception {
    Path run = folder.resolve("killed");
    Path err = folder.resolve("err");
    Process process = Program.start(err, arguments(run));
    try {
      TrainingRuns.awaitStep(run, 60, process);
    } finally {
      process.destroyForcibly();
    }
    process.waitFor();
    Program.Result resumed = Program.run("pretrain", "--resume", "auto", "-o", run.toString());
    assertEquals(0, resumed.code(), resumed.err());

    Path straight = uninterrupted();
    assertArrayEquals(weights(straight), weights(run));
    assertEquals(TrainingRuns.losses(straight), TrainingRuns.losses(run));
  }

  @Test
  void controlCSavesAndTheRunGoesOnToTheSameBits() throws Exception {
    Path run = folder.resolve("interrupted");
    Path err = folder.resolve("err");
    Process process = Program.start(err, arguments(run));
    try {
      TrainingRuns.awaitStep(run, 20, process);
      Program.interrupt(process);
      assertEquals(130, process.waitFor(), Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
    assertTrue(Files.readString(err).contains("stopped after"), Files.readString(err));
    Program.Result resumed = Program.run("pretrain", "--resume", run.toString());
    assertEquals(0, resumed.code(), resumed.err());

    Path straight = uninterrupted();
    assertArrayEquals(weights(straight), weights(run));
    assertEquals(TrainingRuns.losses(straight), TrainingRuns.losses(run));
  }
}
