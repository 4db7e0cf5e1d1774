package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jllm.generate.BundledModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run of tuning that is killed goes on to the same adapter. */
class FinetuneProcessTest {
  private static final int STEPS = 30;

  @TempDir Path folder;

  private String[] arguments(Path run) throws IOException {
    return ("finetune-lora "
            + BundledModel.path()
            + " --lora-rank 2 --lora-targets q,v --num-layers 1 --max-seq-length 8 --batch-size 2"
            + " --save-every 5 --keep 0 --eval-every 10 --eval-iters 1 --sample-every 0 --threads 2"
            + " --iters "
            + STEPS
            + " --data "
            + folder.resolve("text.txt")
            + " -o "
            + run)
        .split(" ");
  }

  @Test
  void aKilledRunGoesOnToTheSameBits() throws Exception {
    Files.writeString(
        folder.resolve("text.txt"), "Now is the winter of our discontent.\n".repeat(80));
    Path killed = folder.resolve("killed");
    Process process = Program.start(folder.resolve("err"), arguments(killed));
    try {
      TrainingRuns.awaitStep(killed, 5, process);
    } finally {
      process.destroyForcibly();
    }
    process.waitFor();
    Program.Result resumed =
        Program.run("finetune-lora", "--resume", "auto", "-o", killed.toString());
    assertEquals(0, resumed.code(), resumed.err());

    Path straight = folder.resolve("straight");
    Program.Result result = Program.run(arguments(straight));
    assertEquals(0, result.code(), result.err());
    for (String file : new String[] {"adapter_model.safetensors", "adapter_config.json"}) {
      assertArrayEquals(
          Files.readAllBytes(straight.resolve(file)), Files.readAllBytes(killed.resolve(file)));
    }
    assertEquals(TrainingRuns.losses(straight), TrainingRuns.losses(killed));
  }
}
