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
  void wrongOptionsAreRefused() throws IOException {
    assertEquals(ExitCode.USAGE, tune("--lora-targets=head").code());
    assertEquals(ExitCode.USAGE, tune("--lora-rank=0").code());
    assertEquals(ExitCode.USAGE, tune("--dtype=bf16").code());
    assertEquals(ExitCode.USAGE, tune("--num-layers=99").code());
  }
}
