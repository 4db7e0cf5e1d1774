package jllm.format.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.WeightSource;
import jllm.format.gguf.GgufFile;
import jllm.format.model.GgufModelWriter;
import jllm.format.model.HubModelWriter;
import jllm.format.model.HubOrdered;
import jllm.format.model.LinearLayers;
import jllm.format.model.ModelFiles;
import jllm.format.model.ModelSizes;
import jllm.format.model.RandomWeights;
import jllm.format.safetensors.SafetensorsFile;
import jllm.format.safetensors.SafetensorsWriter;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tokenize.SpecialIds;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters written and read, and read as other programs write them. */
class AdapterFilesTest {
  private static final long SEED = Long.getLong("jllm.format.seed", 7);
  private static final String MODULE = "base_model.model.model.layers.0.self_attn.q_proj";

  @TempDir private Path folder = Path.of("");

  private static ModelConfig config(String architecture) {
    return switch (architecture) {
      case "gpt2", "gptneox" -> ModelSizes.dense(96, 64, 32, 2, 4, 4, 64).config(architecture);
      case "mixtral" -> ModelSizes.dense(96, 64, 32, 2, 4, 2, 64).withExperts(4, 2).config("llama");
      default -> ModelSizes.dense(96, 64, 32, 2, 4, 2, 64).config(architecture);
    };
  }

  private static RandomWeights base(String architecture) {
    return new RandomWeights(config(architecture), DType.F32, SEED);
  }

  private static LoraAdapter random(WeightSource base, int rank, boolean rankStabilized) {
    SplittableRandom random = new SplittableRandom(SEED);
    Arena arena = Arena.ofShared();
    Map<String, LoraPair> pairs = new LinkedHashMap<>();
    for (LinearLayers.Layer layer : LinearLayers.of(base).all()) {
      Tensor a = Tensor.allocate(arena, DType.F32, Shape.of(rank, layer.shape().dim(1)));
      Tensor b = Tensor.allocate(arena, DType.F32, Shape.of(layer.shape().dim(0), rank));
      for (Tensor tensor : List.of(a, b)) {
        for (long i = 0; i < tensor.shape().elements(); i++) {
          tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
      }
      pairs.put(layer.name(), new LoraPair(a, b, 2.5 * rank, rankStabilized));
    }
    LoraOrigin origin = new LoraOrigin("some/model", Fingerprint.of(base), 0.05);
    return new LoraAdapter("random", origin, pairs, arena);
  }

  private static void assertSame(LoraAdapter expected, LoraAdapter found) {
    assertEquals(List.copyOf(expected.pairs().keySet()), List.copyOf(found.pairs().keySet()));
    expected
        .pairs()
        .forEach((name, pair) -> {
          LoraPair other = found.pairs().get(name);
          assertNotNull(other);
          assertEquals(-1, pair.a().segment().mismatch(other.a().segment()), name);
          assertEquals(-1, pair.b().segment().mismatch(other.b().segment()), name);
          assertEquals(pair.scale(), other.scale(), 1e-6 * pair.scale(), name);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2", "phi3", "gpt2", "gptneox", "mixtral", "gemma2"})
  void roundTripsAreBitEqual(String architecture) throws IOException {
    for (boolean rankStabilized : new boolean[] {false, true}) {
      try (RandomWeights base = base(architecture);
          LoraAdapter adapter = random(base, 3, rankStabilized)) {
        LinearLayers layers = LinearLayers.of(base);
        new PeftWriter(adapter, layers).write(folder);
        Path gguf = folder.resolve("adapter.gguf");
        GgufAdapter.write(gguf, adapter, layers);
        try (LoraAdapter peft = AdapterFiles.open(folder, base);
            LoraAdapter file = AdapterFiles.open(folder.resolve(PeftAdapter.WEIGHTS), base);
            LoraAdapter ggml = AdapterFiles.open(gguf, base)) {
          assertSame(adapter, peft);
          assertSame(adapter, file);
          assertSame(adapter, ggml);
          assertEquals(adapter.origin(), peft.origin());
          assertEquals(adapter.origin().fingerprint(), ggml.origin().fingerprint());
        }
      }
    }
  }

  /** The same files change the same rows of a model, in whichever format the model is. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2", "gpt2", "gptneox", "phi3"})
  void modelsOfEachFormatAreChangedAlike(String architecture) throws IOException {
    Path hub = Files.createDirectory(folder.resolve("hub"));
    Path gguf = folder.resolve("model.gguf");
    Path peft = Files.createDirectory(folder.resolve("peft"));
    Path ggufAdapter = folder.resolve("adapter.gguf");
    try (RandomWeights base = base(architecture)) {
      HubModelWriter.write(hub, base, null, SpecialIds.NONE);
      GgufModelWriter.write(gguf, base, Map.of());
    }
    try (ModelFile model = ModelFiles.open(hub);
        LoraAdapter adapter = random(model.weights(), 4, false)) {
      new PeftWriter(adapter, LinearLayers.of(model.weights())).write(peft);
    }
    try (ModelFile model = ModelFiles.open(gguf);
        LoraAdapter adapter = AdapterFiles.open(peft, model.weights())) {
      assertEquals(adapter.origin().fingerprint(), Fingerprint.of(model.weights()));
      GgufAdapter.write(ggufAdapter, adapter, LinearLayers.of(model.weights()));
    }
    for (Path path : List.of(peft, ggufAdapter)) {
      try (ModelFile first = ModelFiles.open(hub);
          ModelFile second = ModelFiles.open(gguf);
          LoraAdapter one = AdapterFiles.open(path, first.weights());
          LoraAdapter two = AdapterFiles.open(path, second.weights());
          MergedWeights merged = merged(first.weights(), one);
          MergedWeights other = merged(second.weights(), two);
          HubOrdered ordered = new HubOrdered(other)) {
        for (String name : one.pairs().keySet()) {
          Tensor expected = merged.tensor(name);
          Tensor found = ordered.tensor(name);
          assertEquals(-1, expected.segment().mismatch(found.segment()), name + " of " + path);
          assertNotEquals(
              -1, expected.segment().mismatch(first.weights().tensor(name).segment()), name);
        }
      }
    }
  }

  private static MergedWeights merged(WeightSource base, LoraAdapter adapter) {
    return new MergedWeights(base, List.of(new ScaledAdapter(adapter, 1)), false);
  }

  private void write(String json, Map<String, Shape> tensors) throws IOException {
    Files.writeString(folder.resolve("adapter_config.json"), json);
    List<SafetensorsWriter.Entry> entries =
        tensors.entrySet().stream()
            .map(entry -> new SafetensorsWriter.Entry(entry.getKey(), DType.F32, entry.getValue()))
            .toList();
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter writer =
            SafetensorsWriter.create(
                folder.resolve("adapter_model.safetensors"), Map.of("format", "pt"), entries)) {
      for (SafetensorsWriter.Entry entry : entries) {
        MemorySegment values = arena.allocate(entry.bytes());
        for (long i = 0; i < entry.shape().elements(); i++) {
          values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (i % 7 - 3));
        }
        writer.write(values);
      }
      writer.commit();
    }
  }

  private static Map<String, Shape> pair(String module, int outputs, int inputs, int rank) {
    Map<String, Shape> tensors = new LinkedHashMap<>();
    tensors.put(module + ".lora_A.weight", Shape.of(rank, inputs));
    tensors.put(module + ".lora_B.weight", Shape.of(outputs, rank));
    return tensors;
  }

  /** As PEFT 0.14 writes it, less what plays no part. */
  private static String json(String more) {
    return """
    {"base_model_name_or_path": "x/y", "bias": "none", "lora_alpha": 16, "lora_dropout": 0.1,
     "peft_type": "LORA", "r": 4, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"%s}
    """
        .formatted(more);
  }

  @Test
  void scalesFollowTheConfiguration() throws IOException {
    Map<String, Shape> tensors = new LinkedHashMap<>(pair(MODULE, 32, 32, 4));
    tensors.putAll(pair("base_model.model.model.layers.1.mlp.down_proj", 32, 64, 2));
    String patterns =
        """
        , "rank_pattern": {"layers.1.mlp.down_proj": 2}, "alpha_pattern": {"down_proj": 6}\
        """;
    try (RandomWeights base = base("llama")) {
      write(json(patterns), tensors);
      try (LoraAdapter adapter = AdapterFiles.open(folder, base)) {
        assertEquals(4, scale(adapter, "blk.0.attn_q.weight"), 0);
        assertEquals(3, scale(adapter, "blk.1.ffn_down.weight"), 0);
        assertEquals(0.1, adapter.origin().dropout(), 0);
        Path written = Files.createDirectory(folder.resolve("written"));
        new PeftWriter(adapter, LinearLayers.of(base)).write(written);
        try (LoraAdapter again = AdapterFiles.open(written, base)) {
          assertSame(adapter, again);
        }
        Path gguf = folder.resolve("adapter.gguf");
        GgufAdapter.write(gguf, adapter, LinearLayers.of(base));
        try (LoraAdapter again = AdapterFiles.open(gguf, base);
            MergedWeights one = merged(base, adapter);
            MergedWeights other = merged(base, again)) {
          for (String name : adapter.pairs().keySet()) {
            assertEquals(-1, one.tensor(name).segment().mismatch(other.tensor(name).segment()));
          }
        }
      }
      write(json(", \"use_rslora\": true" + patterns), tensors);
      try (LoraAdapter adapter = AdapterFiles.open(folder, base)) {
        assertEquals(8, scale(adapter, "blk.0.attn_q.weight"), 0);
        assertEquals(6 / Math.sqrt(2), scale(adapter, "blk.1.ffn_down.weight"), 1e-6);
      }
    }
  }

  private static float scale(LoraAdapter adapter, String name) {
    LoraPair pair = adapter.pairs().get(name);
    assertNotNull(pair, name);
    return pair.scale();
  }

  /** Rows of PEFT's files pair the halves of a head; those of this model neighbours. */
  @Test
  void rowsOfQueriesMove() throws IOException {
    write(json(""), pair(MODULE, 32, 32, 4));
    try (RandomWeights base = base("llama");
        LoraAdapter adapter = AdapterFiles.open(folder, base);
        SafetensorsFile file = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"));
        Arena arena = Arena.ofConfined()) {
      var stored = file.tensor(MODULE + ".lora_B.weight");
      assertNotNull(stored);
      MemorySegment rows = stored.map(arena);
      LoraPair pair = adapter.pairs().get("blk.0.attn_q.weight");
      assertNotNull(pair);
      // Heads of 8: the second row of a head is that of the second half's first component.
      MemorySegment expected = rows.asSlice(4 * 4 * Float.BYTES, 4 * Float.BYTES);
      MemorySegment found = pair.b().segment().asSlice(4 * Float.BYTES, 4 * Float.BYTES);
      assertEquals(-1, expected.mismatch(found));
    }
  }

  private void assertRefused(String architecture, String... parts) {
    try (RandomWeights base = base(architecture)) {
      String message =
          String.valueOf(
              assertThrows(ModelFormatException.class, () -> AdapterFiles.open(folder, base))
                  .getMessage());
      for (String part : parts) {
        assertTrue(message.contains(part), message);
      }
    }
  }

  @Test
  void whatDoesNotFitIsRefused() throws IOException {
    write(json(""), pair(MODULE, 48, 32, 4));
    assertRefused("llama", "[48, 4]", "[32, rank]", "another model");
    write(json(""), pair(MODULE.replace("q_proj", "wrong_proj"), 32, 32, 4));
    assertRefused("llama", "wrong_proj", "q_proj, k_proj, v_proj, o_proj");
    write(json(""), pair(MODULE.replace("layers.0", "layers.9"), 32, 32, 4));
    assertRefused("llama", "layers.9");
    write(
        json(""), pair("base_model.model.model.layers.0.block_sparse_moe.experts.0.w1", 64, 32, 4));
    assertRefused("mixtral", "experts.0.w1", "not experts");
    write(json(""), pair(MODULE, 32, 32, 8));
    assertRefused("llama", "rank 8", "says 4");
    write(json(""), Map.of(MODULE + ".lora_A.weight", Shape.of(4, 32)));
    assertRefused("llama", "lora_A", "the other is missing");
    write(json(", \"use_dora\": true"), pair(MODULE, 32, 32, 4));
    assertRefused("llama", "use_dora");
    write("{\"peft_type\": \"IA3\"}", pair(MODULE, 32, 32, 4));
    assertRefused("llama", "IA3", "LORA");
    write(json(""), Map.of());
    assertRefused("llama", "no low-rank matrices");
  }

  @Test
  void modelsAreNoAdapters() throws IOException {
    Path model = folder.resolve("model.gguf");
    try (RandomWeights base = base("llama")) {
      GgufModelWriter.write(model, base, Map.of());
      String message =
          String.valueOf(
              assertThrows(ModelFormatException.class, () -> AdapterFiles.open(model, base))
                  .getMessage());
      assertTrue(message.contains("general.type"), message);
    }
    try (GgufFile file = GgufFile.open(model)) {
      assertEquals("llama", file.metadata().text("general.architecture"));
    }
  }
}
