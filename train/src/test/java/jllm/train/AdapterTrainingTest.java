package jllm.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFile;
import jllm.format.lora.AdapterFiles;
import jllm.format.lora.LoraAdapter;
import jllm.format.model.GgufModelWriter;
import jllm.format.model.ModelFiles;
import jllm.format.model.ModelSizes;
import jllm.format.model.RandomWeights;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.VectorBackend;
import jllm.train.data.TrainingData;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Adapters trained over frozen models, interrupted and not. */
class AdapterTrainingTest {
  private static final AdapterOptions ADAPTER =
      new AdapterOptions(4, 8, false, 0.1, List.of("all"), 0);

  @TempDir private Path folder = Path.of("");

  private Path base(String architecture, DType type) throws IOException {
    boolean fused = architecture.equals("gpt2");
    ModelSizes sizes = ModelSizes.dense(TinyRun.VOCABULARY, 16, 256, 2, 4, fused ? 4 : 2, 256);
    Path path = folder.resolve("base.gguf");
    try (RandomWeights weights =
        new RandomWeights(
            sizes.config(architecture),
            (name, _) -> name.startsWith("blk.") ? type : DType.F32,
            7)) {
      GgufModelWriter.write(path, weights, Map.of());
    }
    return path;
  }

  private static TrainOptions options() {
    return TinyRun.options(12)
        .withEvaluation(new EvaluationOptions(4, 2))
        .withCheckpoints(new CheckpointOptions(4, 2, false));
  }

  private List<byte[]> run(
      Path base,
      DType matrices,
      @Nullable Path run,
      TinyRun.Log log,
      @Nullable Checkpoint checkpoint)
      throws IOException {
    Path shard = folder.resolve("tokens.bin");
    if (!Files.exists(shard)) {
      TinyRun.shard(shard, 400, 5);
    }
    try (Backend backend = CpuKernels.AUTO.open(1);
        ModelFile model = ModelFiles.open(base);
        TrainingData data = TinyRun.open(TinyRun.data(shard));
        TrainedAdapter adapter =
            checkpoint == null
                ? TrainedAdapter.random(model, ADAPTER, matrices, 3, backend)
                : checkpoint.adapter(model, ADAPTER, backend);
        Trainer trainer =
            new Trainer(
                backend, adapter, data, null, options(matrices), run, Map.of(), log, checkpoint)) {
      trainer.run();
      List<byte[]> bits = new ArrayList<>();
      for (TrainedTensors.Weight weight : adapter.all()) {
        bits.add(weight.master().segment().toArray(ValueLayout.JAVA_BYTE));
        bits.add(weight.secondMoment().segment().toArray(ValueLayout.JAVA_BYTE));
      }
      return bits;
    }
  }

  /** What is rounded, is rounded by chance. */
  private static TrainOptions options(DType matrices) {
    boolean rounded = matrices == DType.BF16;
    return options()
        .withWeightType(matrices)
        .withOptimizer(OptimizerOptions.USUAL.withStochasticRounding(rounded));
  }

  @ParameterizedTest
  @CsvSource({
    "llama, F32, F32",
    "llama, Q4_0, F32",
    "gpt2, Q8_0, F32",
    "llama, F32, BF16",
    "gpt2, Q4_0, BF16"
  })
  void halvesEqualTheWhole(String architecture, DType type, DType matrices) throws IOException {
    Path base = base(architecture, type);
    byte[] before = Files.readAllBytes(base);
    TinyRun.Log wholeLog = new TinyRun.Log();
    List<byte[]> expected = run(base, matrices, folder.resolve("whole"), wholeLog, null);
    assertTrue(wholeLog.losses().getLast() < 0.9 * wholeLog.losses().getFirst());
    assertTrue(wholeLog.evaluations.getLast().loss() < wholeLog.evaluations.getFirst().loss());

    Path parts = folder.resolve("parts");
    TinyRun.Log first = new TinyRun.Log();
    first.stopAfter = 7;
    run(base, matrices, parts, first, null);
    TinyRun.Log second = new TinyRun.Log();
    List<byte[]> found = run(base, matrices, parts, second, Checkpoints.find(parts));
    assertEquals(wholeLog.losses().subList(0, 7), first.losses());
    assertEquals(wholeLog.losses().subList(7, 12), second.losses());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), found.get(i), "tensor " + i);
    }
    for (String name : List.of("adapter_model.safetensors", "optimizer.safetensors")) {
      String file = "checkpoints/step-12/" + name;
      assertEquals(
          -1, Files.mismatch(folder.resolve("whole").resolve(file), parts.resolve(file)), name);
    }
    assertArrayEquals(before, Files.readAllBytes(base));
    try (ModelFile model = ModelFiles.open(base);
        LoraAdapter saved = AdapterFiles.open(parts, model.weights())) {
      assertEquals(architecture.equals("gpt2") ? 8 : 14, saved.pairs().size());
    }
  }

  @Test
  void targetsAndBlocksAreChosen() throws IOException {
    Path base = base("llama", DType.F32);
    try (Backend backend = new VectorBackend(1);
        ModelFile model = ModelFiles.open(base)) {
      AdapterOptions some = new AdapterOptions(2, 4, true, 0, List.of("q", "v_proj", "down"), 1);
      try (TrainedAdapter adapter = TrainedAdapter.random(model, some, DType.F32, 3, backend)) {
        assertEquals(List.of("attn_q", "attn_v", "ffn_down"), adapter.targets());
        Path file = folder.resolve("adapter.gguf");
        adapter.writeGguf(file);
        try (LoraAdapter written = AdapterFiles.open(file, model.weights())) {
          assertEquals(
              List.of("blk.1.attn_q.weight", "blk.1.attn_v.weight", "blk.1.ffn_down.weight"),
              List.copyOf(written.pairs().keySet()));
          assertEquals(4 / Math.sqrt(2), written.pairs().values().iterator().next().scale(), 1e-6);
        }
      }
      AdapterOptions wrong = new AdapterOptions(2, 4, true, 0, List.of("head"), 1);
      String message =
          String.valueOf(
              assertThrows(
                      SettingsException.class,
                      () -> TrainedAdapter.random(model, wrong, DType.F32, 3, backend).close())
                  .getMessage());
      assertTrue(message.contains("head") && message.contains("q_proj"), message);
    }
  }
}
