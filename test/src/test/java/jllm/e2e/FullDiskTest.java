package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A checkpoint that cannot be written to its end, because the system lets no file grow so far. */
class FullDiskTest {
  /** Enough for the weights of the model, too few for its moments. */
  private static final int KILOBYTES = 700;

  @TempDir Path folder;

  @Test
  void whatWasSavedBeforeStaysAndTheRunGoesOnFromThere() throws Exception {
    assumeTrue(
        Files.isExecutable(Path.of("/bin/bash")), "no /bin/bash to limit the size of files with");
    Path text = Files.writeString(folder.resolve("text.txt"), "to be or not to be, ".repeat(400));
    Path run = folder.resolve("run");
    Program.Result first = Program.run(arguments(text, run, 2));
    assertEquals(0, first.code(), first.err());
    Path checkpoint = run.resolve("checkpoints/step-2");
    byte[] before = Files.readAllBytes(checkpoint.resolve("optimizer.safetensors"));
    assertTrue(before.length > KILOBYTES * 1024, "the moments take " + before.length + " bytes");

    Path err = folder.resolve("err");
    Process process =
        Program.startLimited(
            err, KILOBYTES, "pretrain", "--resume", run.toString(), "--iters", "4");
    assertEquals(3, process.waitFor(), Files.readString(err));
    assertTrue(Files.readString(err).contains("optimizer.safetensors"), Files.readString(err));
    try (Stream<Path> left = Files.list(run.resolve("checkpoints"))) {
      assertEquals(
          List.of("latest", "step-2"), left.map(path -> "" + path.getFileName()).sorted().toList());
    }
    assertEquals("step-2", Files.readString(run.resolve("checkpoints/latest")).strip());
    assertArrayEquals(before, Files.readAllBytes(checkpoint.resolve("optimizer.safetensors")));

    Program.Result resumed = Program.run("pretrain", "--resume", run.toString(), "--iters", "4");
    assertEquals(0, resumed.code(), resumed.err());
    assertEquals(4, steps(run).size());
  }

  private static String[] arguments(Path text, Path run, int steps) {
    return ("pretrain --tokenizer byte --n-layer 2 --n-head 2 --d-model 64 --context 16"
            + " --batch-size 2 --eval-every 0 --threads 2 --sample-every 0 --warmup 0"
            + " --iters "
            + steps
            + " --data "
            + text
            + " -o "
            + run)
        .split(" ");
  }

  private static List<String> steps(Path run) throws Exception {
    return Files.readAllLines(run.resolve("metrics.jsonl")).stream()
        .filter(line -> line.contains("\"loss\""))
        .toList();
  }
}
