package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.Json;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.WeightSource;
import jllm.format.safetensors.SafetensorsFile;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import jllm.tokenize.SpecialIds;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is written reads back the same, and looks as Hugging Face's programs expect it. */
final class HubModelWriterTest {
  private static final long SEED = 41;

  @TempDir Path folder;

  private static ModelConfig hub(ModelConfig config) {
    return HubConfigWriter.normalized(config);
  }

  static Stream<ModelConfig> models() {
    ModelConfig llama = hub(TinyModels.config("llama"));
    return Stream.of(
        llama,
        hub(TinyModels.SIZES.withExperts(3, 2).config("llama")),
        hub(TinyModels.config("qwen2")),
        hub(TinyModels.config("qwen3")),
        TinyModels.config("gpt2"),
        TinyModels.config("gptneox"),
        hub(TinyModels.config("qwen3moe")),
        hub(TinyModels.config("phi3")),
        TinyModels.withScaling(llama, new RopeScaling.Llama3(8, 1, 4, 32)),
        TinyModels.withScaling(llama, new RopeScaling.Linear(2)),
        TinyModels.withScaling(llama, new RopeScaling.Yarn(4, 16, 32, 1, 1.1f)),
        own(new PositionConfig.Learned(64), NormConfig.Kind.RMS, true),
        own(new PositionConfig.Sinusoidal(), NormConfig.Kind.LAYER, false));
  }

  private static ModelConfig own(PositionConfig position, NormConfig.Kind norm, boolean gated) {
    ModelConfig base = TinyModels.config("llama");
    return ModelArchitectures.named(
        new ModelConfig(
            ModelArchitectures.OWN,
            base.vocabularySize(),
            base.contextLength(),
            base.width(),
            base.layers(),
            base.attention(),
            new FeedForwardConfig(
                base.feedForward().hidden(), Activation.RELU, gated, false, 0, null),
            new NormConfig(norm, 1e-5f, false, NormConfig.Placement.PRE),
            position,
            base.multipliers(),
            false,
            true));
  }

  @ParameterizedTest
  @MethodSource("models")
  void everyModelReadsBackAsItWas(ModelConfig config) throws IOException {
    try (WeightSource weights = new RandomWeights(config, DType.F32, SEED)) {
      HubModelWriter.write(folder, weights, null, SpecialIds.NONE);
    }
    try (WeightSource weights = new RandomWeights(config, DType.F32, SEED);
        ModelFile file = ModelFiles.open(folder)) {
      assertEquals(config, file.config());
      assertSame(weights, file.weights(), DType.F32);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void weightsAreRounded(ModelConfig config) throws IOException {
    for (DType type : List.of(DType.BF16, DType.F16)) {
      try (WeightSource weights = new RandomWeights(config, DType.F32, SEED)) {
        HubModelWriter.write(folder, weights, type, SpecialIds.NONE);
      }
      try (WeightSource weights = new RandomWeights(config, DType.F32, SEED);
          ModelFile file = ModelFiles.open(folder)) {
        assertSame(weights, file.weights(), type);
      }
    }
  }

  /** Every weight of a file is that of the source, rounded to the type. */
  private static void assertSame(WeightSource expected, WeightSource found, DType type) {
    for (Map.Entry<String, Shape> weight :
        ModelArchitectures.weights(expected.config()).entrySet()) {
      Tensor read = found.tensor(weight.getKey());
      assertEquals(weight.getValue(), read.shape(), weight.getKey());
      assertEquals(type, read.dtype(), weight.getKey());
      try (var arena = Arena.ofConfined()) {
        Tensor wanted = Conversions.convert(expected.tensor(weight.getKey()), type, arena);
        long bytes = Tensor.byteSize(type, wanted.shape());
        assertEquals(
            -1,
            wanted.segment().asSlice(0, bytes).mismatch(read.segment().asSlice(0, bytes)),
            weight.getKey());
      }
    }
  }

  @Test
  void rowsOfOtherPairingsAreRearranged() throws IOException {
    ModelConfig gguf = TinyModels.config("llama");
    assertEquals(RopePairing.INTERLEAVED, ((PositionConfig.Rope) gguf.position()).pairing());
    Path hubFolder = Files.createDirectory(folder.resolve("hub"));
    Path ggufFile = folder.resolve("model.gguf");
    try (WeightSource weights = new RandomWeights(gguf, DType.F32, SEED)) {
      HubModelWriter.write(hubFolder, weights, null, SpecialIds.NONE);
    }
    try (ModelFile file = ModelFiles.open(hubFolder)) {
      assertEquals(hub(gguf), file.config());
      GgufModelWriter.write(ggufFile, file.weights(), Map.of());
    }
    try (WeightSource weights = new RandomWeights(gguf, DType.F32, SEED);
        ModelFile file = ModelFiles.open(ggufFile)) {
      assertEquals(gguf, file.config());
      assertSame(weights, file.weights(), DType.F32);
    }
  }

  @Test
  void namesAndLayoutsAreThoseOfTransformers() throws IOException {
    try (WeightSource weights = new RandomWeights(TinyModels.config("gpt2"), DType.F32, SEED)) {
      HubModelWriter.write(folder, weights, null, SpecialIds.NONE.with(SpecialIds.Role.EOS, 95));
    }
    Map<String, ?> json = Json.read(folder.resolve("config.json"));
    assertEquals(List.of("GPT2LMHeadModel"), json.get("architectures"));
    assertEquals("gpt2", json.get("model_type"));
    assertEquals(32L, json.get("n_embd"));
    assertEquals(64L, json.get("n_inner"));
    assertEquals(95L, json.get("eos_token_id"));
    assertTrue(json.containsKey("bos_token_id"));
    assertEquals("float32", json.get("torch_dtype"));
    assertEquals(95L, Json.read(folder.resolve("generation_config.json")).get("eos_token_id"));
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
      assertEquals("pt", file.metadata().get("format"));
      // A Conv1D multiplies from the right: [inputs, outputs].
      assertEquals(Shape.of(32, 96), shape(file, "transformer.h.1.attn.c_attn.weight"));
      assertEquals(Shape.of(64, 32), shape(file, "transformer.h.1.mlp.c_proj.weight"));
      assertEquals(Shape.of(96, 32), shape(file, "transformer.wte.weight"));
      file.tensors().values().forEach(tensor -> assertEquals(0, tensor.offset() % 4));
    }
  }

  @Test
  void expertsAreStoredOneByOne() throws IOException {
    ModelConfig config = hub(TinyModels.SIZES.withExperts(3, 2).config("llama"));
    try (WeightSource weights = new RandomWeights(config, DType.F32, SEED)) {
      HubModelWriter.write(folder, weights, null, SpecialIds.NONE);
    }
    Map<String, ?> json = Json.read(folder.resolve("config.json"));
    assertEquals("mixtral", json.get("model_type"));
    assertEquals(3L, json.get("num_local_experts"));
    try (WeightSource weights = new RandomWeights(config, DType.F32, SEED);
        SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
      String name = "model.layers.0.block_sparse_moe.experts.2.w2.weight";
      assertEquals(Shape.of(32, 64), shape(file, name));
      var stored = Objects.requireNonNull(file.tensor(name));
      try (var arena = Arena.ofConfined()) {
        float first = stored.file().map(stored.offset(), 4, arena).get(ValueLayout.JAVA_FLOAT, 0);
        Tensor all = weights.tensor("blk.0.ffn_down_exps.weight");
        assertEquals(all.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 2 * 32 * 64), first);
      }
    }
  }

  private static Shape shape(SafetensorsFile file, String name) {
    return Objects.requireNonNull(file.tensor(name), name).shape();
  }

  @Test
  void architecturesAreFoundByWhatTheyAre() {
    assertEquals("llama", ModelArchitectures.named(hub(TinyModels.config("llama"))).architecture());
    assertEquals("gpt2", ModelArchitectures.named(TinyModels.config("gpt2")).architecture());
    assertEquals("qwen2", ModelArchitectures.named(hub(TinyModels.config("qwen2"))).architecture());
    assertEquals(
        ModelArchitectures.OWN,
        own(new PositionConfig.Sinusoidal(), NormConfig.Kind.LAYER, false).architecture());
  }

  @Test
  void modelsThatTheFormatCannotExpressAreRefused() {
    ModelConfig llama = hub(TinyModels.config("llama"));
    AttentionConfig attention = llama.attention();
    ModelConfig capped =
        TinyModels.with(
            llama,
            new AttentionConfig(
                attention.heads(),
                attention.kvHeads(),
                attention.headDim(),
                attention.scale(),
                50,
                0,
                1,
                false,
                false,
                false));
    assertThrows(
        IllegalArgumentException.class,
        () -> {
          try (WeightSource weights = new RandomWeights(capped, DType.F32, SEED)) {
            HubModelWriter.write(folder, weights, null, SpecialIds.NONE);
          }
        });
    assertTrue(Files.notExists(folder.resolve("model.safetensors")));
  }
}
