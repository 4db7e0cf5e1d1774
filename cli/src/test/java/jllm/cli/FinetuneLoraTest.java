package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jllm.generate.BundledModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jllm finetune-lora} as a person uses it. */
final class FinetuneLoraTest {
  @TempDir private Path folder = Path.of("");

  private Run tune(String... more) throws IOException {
    return tune(List.of(), more);
  }

  private Run tune(List<String> without, String... more) throws IOException {
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
    return Run.of(
        Stream.concat(
                Arrays.stream(usual).filter(argument -> !without.contains(argument)),
                Arrays.stream(more))
            .toArray(String[]::new));
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

  private static double number(Run run, String key) {
    Matcher found = Pattern.compile("\"" + key + "\" ?: ?([-+0-9.eE]+)").matcher(run.out());
    assertTrue(found.find(), key + " in " + run.out());
    return Double.parseDouble(found.group(1));
  }

  @Test
  void allWeightsAreTrainedToAModel() throws IOException {
    Path gguf = folder.resolve("model.gguf");
    Run full =
        tune(
            List.of("--lora-rank=4"),
            "--fine-tune-type=full",
            "--iters=8",
            "--json",
            "--gguf=" + gguf);
    assertEquals(ExitCode.OK, full.code(), full.err());
    assertTrue(number(full, "perplexity_after") < number(full, "perplexity_before"), full.out());
    Path run = folder.resolve("run");
    for (Path model : List.of(run, gguf)) {
      Run used = Run.of("generate", "-q", "-n", "4", "--temp", "0", "-m", model.toString(), "The");
      assertEquals(ExitCode.OK, used.code(), used.err());
    }
    Run resumed =
        tune(List.of("--lora-rank=4"), "--fine-tune-type=full", "--resume=auto", "--iters=10");
    assertEquals(ExitCode.OK, resumed.code(), resumed.err());
  }

  @Test
  void roundedMatricesAreTrainedAndGoOn() throws IOException {
    Run begun = tune("--iters=4", "--dtype=bf16");
    assertEquals(ExitCode.OK, begun.code(), begun.err());
    Run resumed = tune("--resume=auto", "--iters=12", "--dtype=bf16", "--json");
    assertEquals(ExitCode.OK, resumed.code(), resumed.err());
    assertTrue(
        number(resumed, "perplexity_after") < number(resumed, "perplexity_before"), resumed.out());
  }

  /** A rate that spoils the model ends the run; what is written is the state that measured best. */
  @Test
  void theBestIsKeptWhenMeasurementsGetWorse() throws IOException {
    Run run =
        tune("--iters=400", "--eval-every=2", "--lr=3", "--early-stopping-patience=3", "--json");
    assertEquals(ExitCode.OK, run.code(), run.err());
    double best = number(run, "best_step");
    assertEquals(best + 2 * 3, number(run, "steps_done"), 0, run.out());
    Path checkpoint = folder.resolve("run/checkpoints/step-" + (int) best);
    String weights = "adapter_model.safetensors";
    assertEquals(
        -1, Files.mismatch(checkpoint.resolve(weights), folder.resolve("run").resolve(weights)));
  }

  @Test
  void wrongOptionsAreRefused() throws IOException {
    assertEquals(ExitCode.USAGE, tune("--lora-targets=head").code());
    assertEquals(ExitCode.USAGE, tune("--lora-rank=0").code());
    assertEquals(ExitCode.USAGE, tune("--early-stopping-patience=2", "--eval-every=0").code());
    Run full = tune("--fine-tune-type=full", "--lora-rank=4");
    assertEquals(ExitCode.USAGE, full.code());
    assertTrue(full.err().contains("--lora-rank is for adapters"), full.err());
    assertEquals(ExitCode.USAGE, tune("--num-layers=99").code());
  }
}
