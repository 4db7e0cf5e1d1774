package jllm.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import jllm.format.ModelConfig;
import jllm.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A run that is interrupted and resumed ends as one that is not, to the last bit. */
final class ResumeTest {
  @TempDir Path folder;

  enum Case {
    GPT2(TinyRun.gpt2(), DType.F32, 0.1),
    LLAMA_ROUNDED(TinyRun.llama(), DType.BF16, 0),
    LLAMA_ROUNDED_BY_CHANCE(TinyRun.llama(), DType.BF16, 0),
    QWEN2(TinyRun.qwen2(), DType.F32, 0),
    MIXTRAL(TinyRun.mixtral(), DType.F32, 0.2),
    MIXTRAL_ROUNDED_BY_CHANCE(TinyRun.mixtral(), DType.BF16, 0);

    final ModelConfig config;
    final DType type;
    final double dropout;

    Case(ModelConfig config, DType type, double dropout) {
      this.config = config;
      this.type = type;
      this.dropout = dropout;
    }
  }

  private static TrainOptions options(Case test) {
    return TinyRun.options(20)
        .withWeightType(test.type)
        .withOptimizer(
            OptimizerOptions.USUAL.withStochasticRounding(test.name().endsWith("BY_CHANCE")))
        .withDropout(test.dropout)
        .withEvaluation(new EvaluationOptions(4, 2))
        .withCheckpoints(new CheckpointOptions(5, 2, true))
        .withGuard(new GuardOptions(5, 6, 8, false));
  }

  @ParameterizedTest
  @EnumSource(Case.class)
  void halvesEqualTheWhole(Case test) throws IOException {
    Path shard = TinyRun.shard(folder.resolve("tokens.bin"), 400, 5);
    Path whole = folder.resolve("whole");
    Path parts = folder.resolve("parts");
    TinyRun.Log wholeLog = new TinyRun.Log();
    List<byte[]> expected = TinyRun.run(test.config, shard, options(test), whole, wholeLog, null);

    TinyRun.Log first = new TinyRun.Log();
    first.stopAfter = 9;
    TinyRun.run(test.config, shard, options(test), parts, first, null);
    TinyRun.Log second = new TinyRun.Log();
    List<byte[]> found =
        TinyRun.run(test.config, shard, options(test), parts, second, Checkpoints.find(parts));

    assertEquals(9, first.steps.size());
    assertEquals(wholeLog.losses().subList(0, 9), first.losses());
    assertEquals(wholeLog.losses().subList(9, 20), second.losses());
    assertTrue(wholeLog.losses().getLast() < wholeLog.losses().getFirst());
    assertEquals(expected.size(), found.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), found.get(i), "weight " + i / 2);
    }
    assertEquals(
        Files.readAllLines(whole.resolve("metrics.jsonl")).stream()
            .map(ResumeTest::timeless)
            .toList(),
        Files.readAllLines(parts.resolve("metrics.jsonl")).stream()
            .map(ResumeTest::timeless)
            .toList());
    assertEquals(
        Files.readAllLines(whole.resolve("metrics.csv")).size(),
        Files.readAllLines(parts.resolve("metrics.csv")).size());
    assertSameFile(whole, parts, "checkpoints/step-20/model.safetensors");
    assertSameFile(whole, parts, "checkpoints/step-20/optimizer.safetensors");
  }

  private static String timeless(String line) {
    return line.replaceAll("\"tokens_per_second\": [^,}]*", "");
  }

  private static void assertSameFile(Path a, Path b, String name) throws IOException {
    assertEquals(-1, Files.mismatch(a.resolve(name), b.resolve(name)), name);
  }

  /** What a killed program leaves: metrics beyond the checkpoint, a checkpoint half written. */
  @Test
  void metricsBehindTheCheckpointAreTakenBack() throws IOException {
    Path shard = TinyRun.shard(folder.resolve("tokens.bin"), 400, 5);
    Path run = folder.resolve("run");
    TinyRun.Log log = new TinyRun.Log();
    log.stopAfter = 5;
    TinyRun.run(TinyRun.gpt2(), shard, options(Case.GPT2), run, log, null);
    Files.writeString(
        run.resolve("metrics.jsonl"), "{\"step\": 5, \"los", StandardOpenOption.APPEND);
    Files.createDirectory(run.resolve("checkpoints/.unfinished-step-10"));
    Files.writeString(run.resolve("checkpoints/.unfinished-step-10/config.json"), "{");
    TinyRun.run(
        TinyRun.gpt2(), shard, options(Case.GPT2), run, new TinyRun.Log(), Checkpoints.find(run));
    List<String> lines = Files.readAllLines(run.resolve("metrics.jsonl"));
    assertEquals(20, lines.stream().filter(line -> line.contains("\"loss\"")).count());
    assertFalse(lines.stream().anyMatch(line -> line.contains("los}") || line.endsWith("los")));
    assertFalse(Files.exists(run.resolve("checkpoints/.unfinished-step-10")));
    assertEquals("step-20", Files.readString(run.resolve("checkpoints/latest")).strip());
  }

  @Test
  void aDamagedCheckpointIsNamedAndTheOneBeforeOffered() throws IOException {
    Path shard = TinyRun.shard(folder.resolve("tokens.bin"), 400, 5);
    Path run = folder.resolve("run");
    TrainOptions options = options(Case.GPT2).withCheckpoints(new CheckpointOptions(5, 0, false));
    TinyRun.run(TinyRun.gpt2(), shard, options, run, new TinyRun.Log(), null);
    Path weights = run.resolve("checkpoints/step-20/model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 7] ^= 1;
    Files.write(weights, bytes);
    CheckpointException error =
        assertThrows(CheckpointException.class, () -> Checkpoints.find(run));
    String message = String.valueOf(error.getMessage());
    assertTrue(message.contains("step-20 is damaged"), message);
    assertTrue(message.contains("resume from " + run.resolve("checkpoints")), message);
    Checkpoint before = Checkpoints.find(run.resolve("checkpoints/step-15"));
    assertEquals(15, before.step());
    assertEquals("b", before.settings().get("a"));
    for (Path path : List.of(weights, run.resolve("checkpoints/step-15/optimizer.safetensors"))) {
      Files.delete(path);
    }
    assertThrows(
        CheckpointException.class, () -> Checkpoints.find(run.resolve("checkpoints/step-15")));
  }

  @Test
  void oldCheckpointsAreDeletedButTheBest() throws IOException {
    Path shard = TinyRun.shard(folder.resolve("tokens.bin"), 400, 5);
    Path run = folder.resolve("run");
    TinyRun.Log log = new TinyRun.Log();
    TinyRun.run(TinyRun.gpt2(), shard, options(Case.GPT2), run, log, null);
    long best = log.evaluations.stream().filter(EvaluationReport::best).toList().getLast().step();
    assertTrue(log.saved.contains(best));
    for (long step : List.of(20L, best)) {
      assertTrue(Files.isDirectory(run.resolve("checkpoints/step-" + step)), "step " + step);
    }
    assertTrue(Files.notExists(run.resolve("checkpoints/step-5")));
    assertThrows(
        SettingsException.class,
        () -> TinyRun.run(TinyRun.gpt2(), shard, options(Case.GPT2), run, new TinyRun.Log(), null));
  }
}
