package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jllm.generate.BundledModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jllm finetune-lora} on samples, as a person uses it. */
final class FinetuneSamplesTest {
  @TempDir private Path folder = Path.of("");

  private Run tune(String... more) throws IOException {
    String[] usual = {
      "finetune-lora",
      BundledModel.path().toString(),
      "-o=" + folder.resolve("run"),
      "--sample-every=0",
      "--threads=1",
      "-q"
    };
    return Run.of(Stream.concat(Arrays.stream(usual), Arrays.stream(more)).toArray(String[]::new));
  }

  private Run shortly(String... more) throws IOException {
    String[] usual = {
      "--max-seq-length=16", "--batch-size=2", "--lora-rank=4", "--eval-every=4", "--eval-iters=2"
    };
    return tune(Stream.concat(Arrays.stream(usual), Arrays.stream(more)).toArray(String[]::new));
  }

  @Test
  void samplesAreLearnedWithTheirMask() throws IOException {
    Path data = folder.resolve("data");
    Files.createDirectories(data);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 12; i++) {
      lines.append("{\"prompt\": \"Say %d:\", \"completion\": \" %d\"}\n".formatted(i, i));
    }
    Files.writeString(data.resolve("train.jsonl"), lines);
    Files.writeString(data.resolve("valid.jsonl"), lines.substring(0, lines.indexOf("Say 3") - 12));
    Run begun = shortly("--data=" + data, "--grad-accum=2", "--packing", "--json", "--iters=3");
    assertEquals(ExitCode.OK, begun.code(), begun.err());
    assertTrue(begun.out().contains("\"tokens_trained\""), begun.out());
    Run resumed = shortly("--resume=auto", "--iters=6");
    assertEquals(ExitCode.OK, resumed.code(), resumed.err());
    String metrics = Files.readString(folder.resolve("run/metrics.jsonl"));
    assertTrue(metrics.contains("\"trained_tokens\"") && metrics.contains("\"val_loss\""), metrics);
  }

  @Test
  void instructionsOfTheTour() throws IOException {
    Path samples = Path.of("../train/examples/instructions.jsonl");
    Run run =
        tune(
            "--data=" + samples,
            "--max-seq-length=64",
            "--batch-size=16",
            "--lora-rank=16",
            "--lr=5e-3",
            "--iters=24",
            "--eval-every=24",
            "--eval-iters=0",
            "--json");
    assertEquals(ExitCode.OK, run.code(), run.err());
    Matcher loss =
        Pattern.compile("\"val_loss\": ([0-9.]+)")
            .matcher(Files.readString(folder.resolve("run/metrics.jsonl")));
    assertTrue(loss.find());
    double before = Double.parseDouble(loss.group(1));
    assertTrue(loss.find());
    double after = Double.parseDouble(loss.group(1));
    assertTrue(after < before - 1.5, before + " to " + after);
    assertTrue(run.out().contains("\"train_samples\" : 166"), run.out());
  }

  @Test
  void badSamplesAreRefused() throws IOException {
    Path file = folder.resolve("bad.jsonl");
    Files.writeString(file, "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"a\"\n");
    Run damaged = shortly("--data=" + file, "--iters=1");
    assertEquals(ExitCode.FORMAT, damaged.code());
    assertTrue(damaged.err().contains("bad.jsonl, line 2"), damaged.err());
    Run skipped = shortly("--data=" + file, "--iters=1", "--skip-broken");
    assertEquals(ExitCode.OK, skipped.code(), skipped.err());
    Files.writeString(file, "{\"prompt\": \"a\", \"completion\": \"\"}\n");
    Run nothing = shortly("--data=" + file, "--iters=1");
    assertEquals(ExitCode.FORMAT, nothing.code());
    assertTrue(nothing.err().contains("no token to learn"), nothing.err());
    Files.writeString(file, "{\"text\": \"%s\"}\n".formatted("word ".repeat(40)));
    assertEquals(ExitCode.FORMAT, shortly("--data=" + file, "--long-samples=error").code());
    Path text = Files.writeString(folder.resolve("text.txt"), "The fox jumps. ".repeat(50));
    Run plain = shortly("--data=" + text, "--iters=1", "--packing");
    assertEquals(ExitCode.USAGE, plain.code());
    assertTrue(plain.err().contains("--packing is for samples"), plain.err());
    assertEquals(ExitCode.FORMAT, Run.of("data-check", text.toString()).code());
  }
}
