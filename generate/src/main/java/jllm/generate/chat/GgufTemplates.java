package jllm.generate.chat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.gguf.GgufArray;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.GgufMetadata;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.ValueType;

/**
 * Chat templates in GGUF files: {@code tokenizer.chat_template}, and {@code
 * tokenizer.chat_template.NAME} for further ones.
 */
final class GgufTemplates {
  private static final String KEY = "tokenizer.chat_template";
  private static final String TOKENS = "tokenizer.ggml.tokens";

  /** The names of Hugging Face, and what GGUF calls the same tokens. */
  private static final Map<String, String> SPECIAL =
      Map.of(
          "bos_token", "bos",
          "eos_token", "eos",
          "unk_token", "unknown",
          "sep_token", "seperator",
          "pad_token", "padding",
          "cls_token", "cls",
          "mask_token", "mask");

  private GgufTemplates() {}

  static ChatTemplates read(Path path) throws IOException {
    try (GgufFile file = GgufFile.open(path)) {
      GgufMetadata metadata = file.metadata();
      Map<String, String> sources = new LinkedHashMap<>();
      metadata
          .values()
          .forEach((key, value) -> {
            if (value instanceof GgufValue.Text text) {
              if (key.equals(KEY)) {
                sources.put("default", text.value());
              } else if (key.startsWith(KEY + ".")) {
                sources.put(key.substring(KEY.length() + 1), text.value());
              }
            }
          });
      return new ChatTemplates(path, sources, specialTokens(metadata));
    }
  }

  private static Map<String, String> specialTokens(GgufMetadata metadata) {
    GgufArray array = metadata.array(TOKENS, Set.of(ValueType.STRING));
    List<String> tokens = array == null ? List.of() : array.strings();
    Map<String, String> texts = new LinkedHashMap<>();
    SPECIAL.forEach((name, role) -> {
      Long id = metadata.integer("tokenizer.ggml." + role + "_token_id");
      if (id != null && id >= 0 && id < tokens.size()) {
        texts.put(name, tokens.get(id.intValue()));
      }
    });
    return texts;
  }
}
