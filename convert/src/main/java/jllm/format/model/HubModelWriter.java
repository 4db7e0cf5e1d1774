package jllm.format.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import jllm.format.Json;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.WeightSource;
import jllm.format.WriteListener;
import jllm.tensor.DType;
import jllm.tokenize.SpecialIds;
import org.jspecify.annotations.Nullable;

/**
 * Writes a model, wherever its weights come from, as a Hugging Face folder: {@code config.json},
 * {@code generation_config.json} and {@code model.safetensors}, with the names and layouts that the
 * reader maps back.
 */
public final class HubModelWriter {
  private HubModelWriter() {}

  /**
   * Writes a model into a folder, which must be there. The weights are taken one by one and
   * released.
   *
   * @param type F32, F16 or BF16 of all tensors; absent: as the source has them
   * @param ids what the configurations say of the vocabulary
   * @throws IOException if a file cannot be written
   * @throws IllegalArgumentException if the format cannot express the model
   */
  public static void write(Path folder, WeightSource source, @Nullable DType type, SpecialIds ids)
      throws IOException {
    Map<String, @Nullable Object> json = config(source.config());
    HubWeightsWriter weights =
        new HubWeightsWriter(source, (_, stored) -> type == null ? stored : type, Long.MAX_VALUE);
    addTokens(json, ids);
    json.put("torch_dtype", weights.torchType());
    writeFile(folder.resolve("config.json"), Json.format(json));
    writeFile(folder.resolve("generation_config.json"), Json.format(generation(ids)));
    weights.write(folder, WriteListener.NONE);
  }

  /**
   * The entries of {@code config.json}.
   *
   * @throws IllegalArgumentException if the format cannot express the model
   */
  public static Map<String, @Nullable Object> config(ModelConfig config) {
    return HubConfigWriter.write(config);
  }

  /**
   * Whether a {@code config.json} describes the model: what it says, read with these weights, is
   * the configuration, as far as GGUF can tell the difference.
   *
   * @param json its entries
   */
  public static boolean describes(Map<String, @Nullable Object> json, WeightSource source) {
    ModelConfig config = source.config();
    try {
      HubConfig description = new HubConfig("config.json", json);
      Family family = Families.ofModelType(String.valueOf(description.text("model_type")));
      if (family == null || !family.architecture().equals(config.architecture())) {
        return false;
      }
      ModelConfig read =
          ConfigReader.read(
              family,
              new HubParameters(description, family),
              config.vocabularySize(),
              description.bool("tie_word_embeddings", family.hub().tied()),
              source::has);
      return GgufMetadataWriter.normalized(read).equals(GgufMetadataWriter.normalized(config));
    } catch (ModelFormatException e) {
      return false;
    }
  }

  /** Adds what a {@code config.json} says of the vocabulary. */
  public static void addTokens(Map<String, @Nullable Object> json, SpecialIds ids) {
    json.put("bos_token_id", id(ids.bos()));
    json.put("eos_token_id", id(ids.eos()));
    json.put("pad_token_id", id(ids.pad()));
  }

  /** The entries of {@code generation_config.json} where nothing more is known. */
  public static Map<String, @Nullable Object> generation(SpecialIds ids) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("_from_model_config", true);
    addTokens(json, ids);
    return json;
  }

  private static @Nullable Integer id(int id) {
    return id < 0 ? null : Integer.valueOf(id);
  }

  /**
   * Writes a small file, which is on the disk when it returns: a checkpoint is no stronger than its
   * smallest file.
   */
  public static void writeFile(Path file, byte[] text) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer left = ByteBuffer.wrap(text);
      while (left.hasRemaining()) {
        channel.write(left);
      }
      channel.force(true);
    }
  }
}
