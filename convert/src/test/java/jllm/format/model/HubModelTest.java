package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import jllm.format.Fixtures;
import jllm.format.Json;
import jllm.format.Messages;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.WeightSource;
import jllm.format.safetensors.RawSafetensors;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class HubModelTest {
  private static final long SEED = 7;

  @TempDir Path folder;

  /** As the reference converter maps them. */
  @Test
  void namesAreThoseOfTheReferenceConverter() throws IOException {
    Map<String, @Nullable Object> families = Json.read(Fixtures.get("gguf-names.json"));
    int compared = 0;
    for (String architecture : FamiliesTest.architectures()) {
      if (!(families.get(architecture) instanceof Map<?, ?> names)) {
        continue;
      }
      HubNames hubNames = new HubNames(Families.require(architecture, "test").hub());
      for (Map.Entry<?, ?> entry : names.entrySet()) {
        if (entry.getValue() != null) {
          assertEquals(entry.getKey() + ".weight", hubNames.of(entry.getValue() + ".weight"));
          compared++;
        }
      }
    }
    assertTrue(compared > 100, compared + " names compared");
  }

  @Test
  void gpt2ThatAnotherProgramWrote() throws IOException {
    try (ModelFile file = ModelFiles.open(Fixtures.get("training/gpt2-bytes"))) {
      ModelConfig config = file.config();
      assertEquals("gpt2", config.architecture());
      assertEquals(256, config.vocabularySize());
      assertEquals(new PositionConfig.Learned(64), config.position());
      assertEquals(512, config.feedForward().hidden());
      assertTrue(config.tiedOutput());
      assertTrue(config.attention().inputBias());
      Tensor qkv = file.weights().tensor("blk.2.attn_qkv.weight");
      assertEquals(Shape.of(384, 128), qkv.shape());
      assertEquals(834304, file.parameters());
    }
  }

  static Stream<Arguments> models() {
    return Stream.of(
        Arguments.of("llama", "llama", "", 0),
        Arguments.of("llama", "mistral", ", \"sliding_window\": null", 0),
        Arguments.of(
            "llama", "mixtral", ", \"num_local_experts\": 4, \"num_experts_per_tok\": 2", 4),
        Arguments.of(
            "qwen2", "qwen2", ", \"use_sliding_window\": false, \"sliding_window\": 32", 0),
        Arguments.of("qwen3", "qwen3", "", 0),
        Arguments.of(
            "qwen3moe",
            "qwen3_moe",
            ", \"num_experts\": 4, \"num_experts_per_tok\": 2, \"norm_topk_prob\": true,"
                + " \"moe_intermediate_size\": 64",
            4),
        Arguments.of("phi3", "phi3", ", \"hidden_act\": \"silu\"", 0),
        Arguments.of(
            "gemma", "gemma", ", \"hidden_act\": \"gelu\", \"hidden_activation\": null", 0),
        Arguments.of(
            "gemma2",
            "gemma2",
            ", \"hidden_activation\": \"gelu_pytorch_tanh\", \"query_pre_attn_scalar\": 16,"
                + " \"attn_logit_softcapping\": 50.0, \"final_logit_softcapping\": 30.0,"
                + " \"sliding_window\": 4096,"
                + " \"layer_types\": [\"sliding_attention\", \"full_attention\"]",
            0));
  }

  @ParameterizedTest
  @MethodSource
  void models(String architecture, String modelType, String more, int experts) throws IOException {
    ModelConfig config = TinyModels.config(architecture);
    if (experts > 0 && config.feedForward().experts() == 0) {
      config = TinyModels.SIZES.withExperts(experts, 2).config(architecture);
    }
    var rope = assertInstanceOf(PositionConfig.Rope.class, config.position());
    config = TinyModels.withRope(config, rope.dimensions(), RopePairing.HALF_SPLIT);
    try (RandomWeights weights = new RandomWeights(config, DType.F32, SEED)) {
      HubFiles.write(folder, HubFiles.json(modelType, config, more), weights);
      try (ModelFile file = ModelFiles.open(folder)) {
        assertEquals(config, file.config());
        assertClose(weights, file.weights());
      }
    }
  }

  @Test
  void gpt2() throws IOException {
    ModelConfig config = TinyModels.config("gpt2");
    String json =
        """
        {"model_type": "gpt2", "vocab_size": 96, "n_positions": 64, "n_embd": 32, "n_layer": 2,
         "n_head": 4, "n_inner": 64, "layer_norm_epsilon": 1e-05,
         "activation_function": "gelu_new"}
        """;
    try (RandomWeights weights = new RandomWeights(config, DType.F32, SEED)) {
      HubFiles.write(folder, json, weights);
      try (ModelFile file = ModelFiles.open(folder)) {
        assertEquals(config, file.config());
        assertClose(weights, file.weights());
      }
    }
  }

  /** Norms of Gemma lose a bit when 1 is taken away and added again. */
  private static void assertClose(WeightSource expected, WeightSource found) {
    WeightLayout.forEach(
        expected.config(),
        expected::has,
        (name, shape) -> {
          Tensor tensor = found.tensor(name);
          assertEquals(shape, tensor.shape(), name);
          assertArrayEquals(
              expected.tensor(name).segment().toArray(ValueLayout.JAVA_FLOAT),
              tensor.segment().toArray(ValueLayout.JAVA_FLOAT),
              1e-6f,
              name);
        });
  }

  /** A small Llama whose configuration gets {@code more}. */
  private Path llama(String more) throws IOException {
    ModelConfig config = TinyModels.config("llama");
    try (RandomWeights weights = new RandomWeights(config, DType.F32, SEED)) {
      return HubFiles.write(folder, HubFiles.json("llama", config, more), weights);
    }
  }

  private ModelConfig configOf(Path path) throws IOException {
    try (ModelFile file = ModelFiles.open(path)) {
      return file.config();
    }
  }

  static Stream<Arguments> scalings() {
    return Stream.of(
        Arguments.of("null", new RopeScaling.None()),
        Arguments.of("{\"rope_type\": \"default\"}", new RopeScaling.None()),
        Arguments.of("{\"type\": \"linear\", \"factor\": 2}", new RopeScaling.Linear(2)),
        Arguments.of(
            "{\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0,"
                + " \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 32}",
            new RopeScaling.Llama3(8, 1, 4, 32)),
        Arguments.of(
            "{\"type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 16}",
            new RopeScaling.Yarn(4, 16, 32, 1, (float) (0.1 * Math.log(4) + 1))),
        Arguments.of(
            "{\"rope_type\": \"yarn\", \"factor\": 4.0, \"beta_fast\": 16, \"beta_slow\": 2,"
                + " \"attention_factor\": 1.5}",
            new RopeScaling.Yarn(4, 64, 16, 2, 1.5f)),
        Arguments.of(
            "{\"rope_type\": \"longrope\", \"short_factor\": [1, 1, 2, 2],"
                + " \"long_factor\": [4, 5, 6, 7], \"original_max_position_embeddings\": 16}",
            new RopeScaling.Divisors(
                new float[] {1, 1, 2, 2},
                new float[] {4, 5, 6, 7},
                16,
                (float) Math.sqrt(1 + Math.log(4) / Math.log(16)))));
  }

  @ParameterizedTest
  @MethodSource
  void scalings(String json, RopeScaling expected) throws IOException {
    ModelConfig config = configOf(llama(", \"rope_scaling\": " + json));
    var rope = assertInstanceOf(PositionConfig.Rope.class, config.position());
    assertEquals(expected, rope.scaling());
  }

  @Test
  void newerKeysOfRope() throws IOException {
    Path path =
        llama(", \"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 2.0, \"x\": 1}");
    Path file = path.resolve("config.json");
    String older = "\"rope_theta\": 10000.0, ";
    Files.writeString(file, Files.readString(file).replaceAll(older.replace(" ", "\\s*"), ""));
    Files.writeString(
        file, Files.readString(file).replace("\"x\": 1", "\"rope_theta\": 5000, \"x\": 1"));
    ModelConfig config = configOf(path);
    var rope = assertInstanceOf(PositionConfig.Rope.class, config.position());
    assertEquals(new RopeScaling.Linear(2), rope.scaling());
    assertEquals(5000, rope.base());
  }

  static Stream<Arguments> unsupported() {
    return Stream.of(
        Arguments.of(", \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2}", "type dynamic"),
        Arguments.of(
            ", \"rope_scaling\": {\"type\": \"linear\"}", "rope_scaling.factor is missing"),
        Arguments.of(", \"rope_scaling\": 5", "rope_scaling is 5, expected an object"),
        Arguments.of(
            ", \"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1]}",
            "rope_scaling.short_factor has 1 numbers, expected 4"),
        Arguments.of(
            ", \"quantization_config\": {\"quant_method\": \"gptq\"}", "quantized by gptq"),
        Arguments.of(", \"hidden_act\": \"quick_gelu\"", "hidden_act is quick_gelu"),
        Arguments.of(", \"clip_qkv\": 8", "clip_qkv: not supported"),
        Arguments.of(
            ", \"layer_types\": [\"full_attention\", \"sliding_attention\"]",
            "layer_types[1] is sliding_attention"));
  }

  @ParameterizedTest
  @MethodSource
  void unsupported(String more, String expected) throws IOException {
    Path path = llama(more);
    String message = Messages.of(ModelFormatException.class, () -> configOf(path));
    assertTrue(message.contains("config.json: "), message);
    assertTrue(message.contains(expected), message);
  }

  @Test
  void aPartOfTheHeadIsTurned() throws IOException {
    ModelConfig config = configOf(llama(", \"partial_rotary_factor\": 0.5"));
    var rope = assertInstanceOf(PositionConfig.Rope.class, config.position());
    assertEquals(4, rope.dimensions());
  }

  @Test
  void badConfigurations() throws IOException {
    Path path = llama("");
    Path file = path.resolve("config.json");
    String good = Files.readString(file);
    Map<String, String> expected =
        Map.of(
            good.replace("\"llama\"", "\"bloom\""), "model_type bloom is not supported; known are",
            good.replace("model_type", "type"), "model_type null is not supported",
            good.replace("rms_norm_eps", "eps"), "rms_norm_eps is missing",
            good.replace("\"hidden_size\": 32", "\"hidden_size\": 48"), "expected [96, 48]",
            good.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
                "tensor model.layers.2.input_layernorm.weight is missing",
            good.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"),
                "tensor model.layers.1.input_layernorm.weight has no place",
            good.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": \"2\""),
                "num_hidden_layers is 2, expected a whole number",
            good.replace("\"vocab_size\": 96", "\"vocab_size\": 97"),
                "vocab_size is 97, but the token embedding has 96 rows",
            good.replace("{", "["), "expected a JSON object");
    for (Map.Entry<String, String> entry : expected.entrySet()) {
      Files.writeString(file, entry.getKey());
      String message =
          Messages.of(
              ModelFormatException.class,
              () -> {
                try (ModelFile model = ModelFiles.open(path)) {
                  model.weights();
                }
              });
      assertTrue(message.contains(entry.getValue()), message);
    }
  }

  @Test
  void severalFiles() throws IOException {
    ModelConfig config = TinyModels.withRope(TinyModels.config("llama"), 8, RopePairing.HALF_SPLIT);
    try (RandomWeights weights = new RandomWeights(config, DType.F32, SEED)) {
      List<HubFiles.Named> tensors = HubFiles.tensors(weights);
      Files.writeString(folder.resolve("config.json"), HubFiles.json("llama", config, ""));
      for (int part = 0; part < 2; part++) {
        RawSafetensors raw = new RawSafetensors();
        for (int i = part; i < tensors.size(); i += 2) {
          HubFiles.Named tensor = tensors.get(i);
          raw.tensor(tensor.name(), "F32", tensor.shape(), tensor.bytes());
        }
        raw.write(folder.resolve(partName(part)));
      }
      Files.writeString(
          folder.resolve("model.safetensors.index.json"),
          IntStream.range(0, tensors.size())
              .mapToObj(i -> "\"%s\": \"%s\"".formatted(tensors.get(i).name(), partName(i % 2)))
              .collect(Collectors.joining(", ", "{\"weight_map\": {", "}}")));
      for (Path path : List.of(folder, folder.resolve(partName(1)))) {
        try (ModelFile file = ModelFiles.open(path)) {
          assertEquals(config, file.config());
          assertClose(weights, file.weights());
        }
      }
    }
  }

  private static String partName(int part) {
    return "model-%05d-of-00002.safetensors".formatted(part + 1);
  }

  @Test
  void dataNeedNotBeAligned() throws IOException {
    Path path = llama("");
    Path file = path.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    int length = bytes[0] & 0xFF | (bytes[1] & 0xFF) << 8 | (bytes[2] & 0xFF) << 16;
    byte[] data = Arrays.copyOfRange(bytes, 8 + length, bytes.length);
    String header = new String(bytes, 8, length, StandardCharsets.UTF_8);
    for (int blanks = 0; blanks < 4; blanks++) {
      RawSafetensors.write(file, header + " ".repeat(blanks), data);
      try (ModelFile model = ModelFiles.open(path)) {
        Tensor tensor = model.weights().tensor("output_norm.weight");
        assertEquals(0, tensor.segment().address() % 4);
        assertEquals(1, tensor.segment().get(ValueLayout.JAVA_FLOAT, 0), 0.5);
      }
    }
  }

  @Test
  void withoutAConfigurationThereIsOnlyAList() throws IOException {
    Path path = llama("");
    Files.delete(path.resolve("config.json"));
    String message = Messages.of(NoSuchFileException.class, () -> ModelFiles.open(path));
    assertTrue(message.contains("is a folder without config.json"), message);
    try (ModelFile file = ModelFiles.open(path.resolve("model.safetensors"))) {
      assertFalse(file.tensors().isEmpty());
      message = Messages.of(ModelFormatException.class, file::config);
      assertTrue(message.contains("there is no config.json beside it"), message);
    }
  }

  @Test
  void theTokenizerBesideIsFound() throws IOException {
    Path path = llama(", \"hidden_act\": \"silu\"");
    Files.writeString(path.resolve("tokenizer.json"), "{}");
    try (ModelFile file = ModelFiles.open(path)) {
      assertEquals(path.resolve("tokenizer.json"), file.tokenizerPath());
      assertEquals(Activation.SILU, file.config().feedForward().activation());
      assertNotNull(file.metadata().get("hidden_size"));
    }
  }
}
