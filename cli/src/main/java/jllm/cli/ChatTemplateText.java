package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import jllm.format.Json;
import jllm.format.ModelFile;
import org.jspecify.annotations.Nullable;

/** The chat template that comes with a model, as it is written there. */
final class ChatTemplateText {
  private static final String KEY = "chat_template";

  private ChatTemplateText() {}

  /** Absent if the model has none; of several that have names, the default or the first. */
  static @Nullable String of(ModelFile model) throws IOException {
    if (model.metadata().get("tokenizer." + KEY) instanceof String text) {
      return text;
    }
    Path folder = Files.isDirectory(model.path()) ? model.path() : model.path().resolveSibling("");
    Path alone = folder.resolve("chat_template.jinja");
    Path config = folder.resolve("tokenizer_config.json");
    if (!model.format().startsWith("safetensors")) {
      return null;
    }
    if (Files.isRegularFile(alone)) {
      return Files.readString(alone);
    }
    return Files.isRegularFile(config) ? choose(Json.read(config).get(KEY)) : null;
  }

  private static @Nullable String choose(@Nullable Object template) {
    if (template instanceof List<?> named) {
      Object chosen = null;
      for (Object entry : named) {
        boolean isDefault = entry instanceof Map<?, ?> map && "default".equals(map.get("name"));
        chosen = chosen == null || isDefault ? entry : chosen;
      }
      return chosen instanceof Map<?, ?> map && map.get("template") instanceof String text
          ? text
          : null;
    }
    return template instanceof String text ? text : null;
  }
}
