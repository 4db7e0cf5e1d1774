package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What computes, and how it rounds, where a CPU is all there is. */
final class ComputeOptionsTest {
  @TempDir private Path folder = Path.of("");

  private static void assertRefused(String message, String... args) {
    Run run = Run.of(args);
    assertEquals(ExitCode.USAGE, run.code(), run.err());
    assertTrue(run.err().contains(message), run.err());
  }

  private Run pretrain(String... more) throws IOException {
    Path text = folder.resolve("text.txt");
    Files.writeString(text, "to be or not to be\n".repeat(60));
    String[] usual = {
      "pretrain",
      "--data=" + text,
      "--preset=nano",
      "--seq-len=16",
      "--batch-size=2",
      "--device=cpu",
      "--eval-every=0",
      "--sample-every=0",
      "-q",
      "-o=" + folder.resolve("run")
    };
    String[] all = new String[usual.length + more.length];
    System.arraycopy(usual, 0, all, 0, usual.length);
    System.arraycopy(more, 0, all, usual.length, more.length);
    return Run.of(all);
  }

  @Test
  void otherTypesAreNamed() {
    assertRefused(
        "'f64' is no type to compute with, expected f32, tf32 or bf16",
        "generate",
        "--dtype=f64",
        "x");
  }

  @Test
  void theCpuDoesNotRoundAsAskedWhereItDoesNotTrain() {
    String[] types = {"f32", "tf32", "bf16"};
    for (String type : types) {
      assertRefused(
          "--dtype is for GPUs and for training", "generate", "--device=cpu", "--dtype", type, "x");
    }
  }

  @Test
  void theCpuTrainsInFloat32OrBfloat16() throws IOException {
    Run tf32 = pretrain("--iters=2", "--dtype=tf32");
    assertEquals(ExitCode.USAGE, tf32.code(), tf32.err());
    assertTrue(tf32.err().contains("use f32 or bf16"), tf32.err());
    Run rounded = pretrain("--iters=2", "--dtype=bfloat16");
    assertEquals(ExitCode.OK, rounded.code(), rounded.err());
    Run changed = pretrain("--resume=auto", "--iters=4", "--dtype=f32");
    assertEquals(ExitCode.USAGE, changed.code(), changed.err());
    assertTrue(changed.err().contains("cannot change in a run; it began with bf16"), changed.err());
    Run resumed = pretrain("--resume=auto", "--iters=4");
    assertEquals(ExitCode.OK, resumed.code(), resumed.err());
  }

  @Test
  void roundingByChanceNeedsSomethingThatIsRounded() throws IOException {
    Run exact = pretrain("--iters=2", "--dtype=f32", "--stochastic-rounding");
    assertEquals(ExitCode.USAGE, exact.code(), exact.err());
    assertTrue(exact.err().contains("has none; choose --dtype bf16"), exact.err());
    Run rounded = pretrain("--iters=2", "--dtype=bf16", "--stochastic-rounding");
    assertEquals(ExitCode.OK, rounded.code(), rounded.err());
    Run resumed = pretrain("--resume=auto", "--iters=4");
    assertEquals(ExitCode.OK, resumed.code(), resumed.err());
  }
}
