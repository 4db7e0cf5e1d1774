package jllm.train;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import jllm.format.Json;
import jllm.format.WeightSource;
import jllm.format.model.HubModelWriter;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.shard.Sharder;
import jllm.tokenize.write.TokenizerWriters;
import org.jspecify.annotations.Nullable;

/** Writes a model with its tokenizer as Hugging Face keeps them: a folder that programs load. */
public final class ModelFolder {
  private ModelFolder() {}

  /**
   * Writes a model into a folder, which must be there.
   *
   * @param tokenizer absent: the folder has none
   * @param chatTemplate how a talk is written for the model, absent if it has no such form
   * @throws IOException if a file cannot be written
   * @throws jllm.tokenize.TokenizerFormatException if there is no such tokenizer.json
   */
  public static void write(
      Path folder,
      TrainedWeights weights,
      @Nullable Tokenizer tokenizer,
      @Nullable String chatTemplate)
      throws IOException {
    SpecialIds ids = tokenizer == null ? SpecialIds.NONE : specialIds(tokenizer);
    try (WeightSource readable = weights.onHost()) {
      HubModelWriter.write(folder, readable, null, ids);
    }
    if (tokenizer == null) {
      return;
    }
    Path file = folder.resolve("tokenizer.json");
    try (OutputStream out = Files.newOutputStream(file)) {
      TokenizerWriters.json(tokenizer, out);
    }
    Checkpoints.force(file);
    Map<String, Object> json = tokenizerConfig(tokenizer, ids, weights.config().contextLength());
    if (chatTemplate != null) {
      json.put("chat_template", chatTemplate);
    }
    Checkpoints.write(folder.resolve("tokenizer_config.json"), Json.format(json));
  }

  private static SpecialIds specialIds(Tokenizer tokenizer) {
    int separator = Sharder.usualSeparator(tokenizer);
    SpecialIds ids = tokenizer.special();
    return ids.has(SpecialIds.Role.EOS) || separator < 0
        ? ids
        : ids.with(SpecialIds.Role.EOS, separator);
  }

  private static Map<String, Object> tokenizerConfig(
      Tokenizer tokenizer, SpecialIds ids, int contextLength) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("tokenizer_class", "PreTrainedTokenizerFast");
    json.put("model_max_length", contextLength);
    json.put("clean_up_tokenization_spaces", false);
    if (ids.bos() >= 0) {
      json.put("bos_token", tokenizer.vocabulary().text(ids.bos()));
    }
    if (ids.eos() >= 0) {
      json.put("eos_token", tokenizer.vocabulary().text(ids.eos()));
    }
    return json;
  }
}
