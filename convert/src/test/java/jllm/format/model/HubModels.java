package jllm.format.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.Json;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.RopeScaling;
import jllm.format.WeightSource;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.GgufValue;
import jllm.tensor.DType;
import jllm.tokenize.SpecialIds;
import org.jspecify.annotations.Nullable;

/**
 * Small random models of every row as Hugging Face folders, with entries that GGUF has no key for.
 */
public final class HubModels {
  public static final List<String> ROWS =
      List.of(
          "llama",
          "llama-llama3",
          "llama-linear",
          "llama-yarn",
          "mistral",
          "mixtral",
          "qwen2",
          "qwen3",
          "qwen3moe",
          "gpt2",
          "gptneox",
          "gptneox-serial",
          "phi3",
          "phi3-longrope",
          "gemma",
          "gemma2");

  private static final long SEED = 20_240_611;

  private HubModels() {}

  /** Writes one; matrices and vectors of one type. */
  public static Path write(Path folder, String row, DType type) throws IOException {
    Files.createDirectories(folder);
    ModelConfig config = HubConfigWriter.normalized(config(row));
    try (WeightSource weights = new RandomWeights(config, DType.F32, SEED)) {
      HubModelWriter.write(folder, weights, type, SpecialIds.NONE);
    }
    Path file = folder.resolve("config.json");
    Map<String, @Nullable Object> json = new LinkedHashMap<>(Json.read(file));
    json.put("initializer_range", 0.02);
    json.put("transformers_version", "4.46.0");
    json.put("eos_token_id", List.of(2L, 5L));
    Files.write(file, Json.format(json));
    Files.writeString(
        folder.resolve("generation_config.json"),
        "{\"do_sample\": true, \"temperature\": 0.6, \"top_k\": 20, \"max_length\": 77}");
    return folder;
  }

  private static ModelConfig config(String row) {
    int rope = TinyModels.SIZES.headDim() / 2;
    float[] one = new float[rope];
    float[] two = new float[rope];
    for (int i = 0; i < rope; i++) {
      one[i] = 1 + i / 8f;
      two[i] = 2 + i;
    }
    return switch (row) {
      case "llama-llama3" ->
          TinyModels.withScaling(TinyModels.config("llama"), new RopeScaling.Llama3(8, 1, 4, 8192));
      case "llama-linear" ->
          TinyModels.withScaling(TinyModels.config("llama"), new RopeScaling.Linear(2.3));
      case "llama-yarn" ->
          TinyModels.withScaling(
              TinyModels.config("llama"), new RopeScaling.Yarn(4.1, 32, 32, 1, 1.123f));
      case "mistral" -> TinyModels.withWindow(TinyModels.config("llama"), 16);
      case "mixtral" -> TinyModels.SIZES.withExperts(4, 2).config("llama");
      case "gptneox-serial" -> TinyModels.serial(TinyModels.config("gptneox"));
      case "phi3-longrope" ->
          TinyModels.withScaling(
              TinyModels.config("phi3"), new RopeScaling.Divisors(one, two, 32, 1.1f));
      default -> TinyModels.config(row);
    };
  }

  /** Copies a GGUF file without what only this program writes. */
  public static void withoutCarried(Path from, Path to) throws IOException {
    Map<String, GgufValue> metadata;
    try (GgufFile file = GgufFile.open(from)) {
      metadata = new LinkedHashMap<>(file.metadata().values());
    }
    metadata.keySet().removeIf(key -> key.startsWith("jllm.hf"));
    try (ModelFile model = ModelFiles.open(from)) {
      GgufModelWriter.write(to, model.weights(), metadata);
    }
    try (GgufFile file = GgufFile.open(to)) {
      if (file.metadata().values().keySet().stream().anyMatch(key -> key.startsWith("jllm.hf"))) {
        throw new IllegalStateException("the file still carries a configuration");
      }
    }
  }
}
