package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import jllm.generate.BundledModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jllm finetune-lora} as a person uses it. */
final class FinetuneLoraTest {
  @TempDir private Path folder = Path.of("");

  private Run tune(String... more) throws IOException {
    Path text = folder.resolve("text.txt");
    Files.writeString(text, "The quick brown fox jumps over the lazy dog.\n".repeat(60));
    String[] usual = {
      "finetune-lora",
      BundledModel.path().toString(),
      "--data=" + text,
      "-o=" + folder.resolve("run"),
      "--max-seq-length=16",
      "--batch-size=2",
      "--lora-rank=4",
      "--lr=1e-2",
      "--eval-every=4",
      "--eval-iters=2",
      "--sample-every=0",
      "--threads=1",
      "-q"
    };
    return Run.of(Stream.concat(Arrays.stream(usual), Arrays.stream(more)).toArray(String[]::new));
  }

  @Test
  void aRunGoesOnAndItsAdapterLoads() throws IOException {
    Run begun = tune("--iters=4");
    assertEquals(ExitCode.OK, begun.code(), begun.err());
    Path gguf = folder.resolve("adapter.gguf");
    Run resumed = tune("--resume=auto", "--iters=8", "--gguf=" + gguf);
    assertEquals(ExitCode.OK, resumed.code(), resumed.err());
    Path run = folder.resolve("run");
    assertTrue(Files.exists(run.resolve("adapter_model.safetensors")));
    assertTrue(Files.exists(run.resolve("checkpoints/step-8/adapter_config.json")));
    String[] adapters = {run.toString(), gguf.toString()};
    String[] texts = new String[2];
    for (int i = 0; i < 2; i++) {
      Run used =
          Run.of("generate", "-q", "-n", "8", "--temp", "0", "--lora", adapters[i], "The quick");
      assertEquals(ExitCode.OK, used.code(), used.err());
      texts[i] = used.out();
    }
    assertEquals(texts[0], texts[1]);
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
    String[] options = {"--data=" + data, "--grad-accum=2", "--packing", "--json"};
    Run begun =
        tune(Stream.concat(Arrays.stream(options), Stream.of("--iters=3")).toArray(String[]::new));
    assertEquals(ExitCode.OK, begun.code(), begun.err());
    assertTrue(begun.out().contains("\"tokens_trained\""), begun.out());
    Run resumed = tune("--resume=auto", "--iters=6");
    assertEquals(ExitCode.OK, resumed.code(), resumed.err());
    String metrics = Files.readString(folder.resolve("run/metrics.jsonl"));
    assertTrue(metrics.contains("\"trained_tokens\"") && metrics.contains("\"val_loss\""), metrics);
  }

  @Test
  void badSamplesAreRefused() throws IOException {
    Path file = folder.resolve("bad.jsonl");
    Files.writeString(file, "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"a\"\n");
    Run damaged = tune("--data=" + file, "--iters=1");
    assertEquals(ExitCode.FORMAT, damaged.code());
    assertTrue(damaged.err().contains("bad.jsonl, line 2"), damaged.err());
    Run skipped = tune("--data=" + file, "--iters=1", "--skip-broken");
    assertEquals(ExitCode.OK, skipped.code(), skipped.err());
    Files.writeString(file, "{\"prompt\": \"a\", \"completion\": \"\"}\n");
    Run nothing = tune("--data=" + file, "--iters=1");
    assertEquals(ExitCode.FORMAT, nothing.code());
    assertTrue(nothing.err().contains("no token to learn"), nothing.err());
    Files.writeString(file, "{\"text\": \"%s\"}\n".formatted("word ".repeat(40)));
    assertEquals(ExitCode.FORMAT, tune("--data=" + file, "--long-samples=error").code());
  }

  @Test
  void wrongOptionsAreRefused() throws IOException {
    assertEquals(ExitCode.USAGE, tune("--lora-targets=head").code());
    assertEquals(ExitCode.USAGE, tune("--lora-rank=0").code());
    assertEquals(ExitCode.USAGE, tune("--dtype=bf16").code());
    assertEquals(ExitCode.USAGE, tune("--num-layers=99").code());
  }
}
