package jllm.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.format.gguf.GgufValue;
import jllm.format.model.GgufModelWriter;
import jllm.format.model.GgufVocabulary;
import jllm.format.model.MemoryWeights;
import jllm.format.model.ModelArchitectures;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.write.TokenizerWriters;
import org.jspecify.annotations.Nullable;

/** Writes a model as a GGUF file that other programs load. */
public final class GgufExport {
  private GgufExport() {}

  /**
   * Checks that {@link #write} can write a model.
   *
   * @throws jllm.tokenize.TokenizerFormatException if GGUF has no such tokenizer
   * @throws SettingsException if the type's blocks do not divide the rows of a matrix, or GGUF has
   *     no such architecture
   */
  public static void check(ModelConfig config, @Nullable Tokenizer tokenizer, DType type) {
    if (tokenizer != null) {
      TokenizerWriters.gguf(tokenizer);
    }
    if (config.architecture().equals(ModelArchitectures.OWN)) {
      throw new SettingsException(
          "GGUF has no name for a model with these norms, positions and feed-forward layers; leave"
              + " them as a preset has them, or leave out the GGUF file");
    }
    for (Map.Entry<String, Shape> weight : ModelArchitectures.weights(config).entrySet()) {
      Shape shape = weight.getValue();
      if (shape.rank() > 1 && shape.columns() % type.blockLength() != 0) {
        throw new SettingsException(
            "%s has rows of %d numbers, which blocks of %s (%d) do not divide; choose F16 or F32, or other sizes"
                .formatted(weight.getKey(), shape.columns(), type, type.blockLength()));
      }
    }
  }

  /**
   * Writes a file. Vectors are F32 whatever the type.
   *
   * @param weights are not changed
   * @param tokenizer absent: the file has no vocabulary
   * @param chatTemplate how a talk is written for the model, absent if it has no such form
   * @param type of matrices: F32, F16, BF16 or a quantized type with an encoder
   * @return what the file cannot say of the tokenizer, one sentence each
   * @throws IOException if it cannot be written
   * @throws jllm.tokenize.TokenizerFormatException if GGUF has no such tokenizer
   * @throws SettingsException as {@link #check}
   */
  public static List<String> write(
      Path target,
      WeightSource weights,
      @Nullable Tokenizer tokenizer,
      @Nullable String chatTemplate,
      DType type)
      throws IOException {
    check(weights.config(), tokenizer, type);
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    List<String> lost = List.of();
    if (tokenizer != null) {
      TokenizerWriters.GgufForm form = TokenizerWriters.gguf(tokenizer);
      metadata.putAll(GgufVocabulary.write(form.vocabulary()));
      lost = form.lost();
    }
    if (chatTemplate != null) {
      metadata.put("tokenizer.chat_template", GgufValue.text(chatTemplate));
    }
    try (MemoryWeights converted = MemoryWeights.copyOf(weights, type, DType.F32)) {
      GgufModelWriter.write(target, converted, metadata);
    }
    return lost;
  }
}
