package jllm.generate.chat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import jllm.format.ModelFormatException;
import org.jspecify.annotations.Nullable;

/**
 * Chat templates of Hugging Face models: in {@code tokenizer_config.json} (a text, or a list of
 * named ones), {@code chat_template.json}, {@code chat_template.jinja}, and {@code
 * additional_chat_templates/NAME.jinja}, later ones over earlier ones.
 */
final class HubTemplates {
  private static final String KEY = "chat_template";
  private static final String CONFIG = "tokenizer_config.json";

  private HubTemplates() {}

  static ChatTemplates folder(Path folder) throws IOException {
    Map<String, String> sources = new LinkedHashMap<>();
    Map<String, String> tokens = new LinkedHashMap<>();
    for (String name : List.of("special_tokens_map.json", CONFIG, "chat_template.json")) {
      Path file = folder.resolve(name);
      if (Files.isRegularFile(file)) {
        Map<String, @Nullable Object> json = read(file);
        sources.putAll(templates(file, json.get(KEY)));
        tokens.putAll(specialTokens(json));
      }
    }
    Path text = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(text)) {
      sources.put("default", ChatTemplates.text(text));
    }
    Path more = folder.resolve("additional_chat_templates");
    if (Files.isDirectory(more)) {
      try (Stream<Path> files = Files.list(more)) {
        for (Path file : files.sorted().toList()) {
          String name = String.valueOf(file.getFileName());
          if (name.endsWith(".jinja")) {
            sources.put(
                name.substring(0, name.length() - ".jinja".length()), ChatTemplates.text(file));
          }
        }
      }
    }
    return new ChatTemplates(folder, sources, tokens);
  }

  static ChatTemplates file(Path file) throws IOException {
    Map<String, @Nullable Object> json = read(file);
    return new ChatTemplates(file, templates(file, json.get(KEY)), specialTokens(json));
  }

  private static Map<String, @Nullable Object> read(Path file) throws IOException {
    return ChatJson.object(file.toString(), Files.readAllBytes(file));
  }

  private static Map<String, String> templates(Path file, @Nullable Object value) {
    Map<String, String> sources = new LinkedHashMap<>();
    switch (value) {
      case null -> {}
      case String text -> sources.put("default", text);
      case List<?> list -> {
        for (Object element : list) {
          if (!(element instanceof Map<?, ?> map
              && map.get("name") instanceof String name
              && map.get("template") instanceof String template)) {
            throw new ModelFormatException(
                file + ": an element of " + KEY + " lacks its name or template");
          }
          sources.put(name, template);
        }
      }
      case Map<?, ?> map ->
          map.forEach(
              (name, template) -> sources.put(String.valueOf(name), String.valueOf(template)));
      default ->
          throw new ModelFormatException(
              file + ": " + KEY + " is neither a text nor a list of named ones");
    }
    return sources;
  }

  /** {@code bos_token} and the like, each a text or an object that has it. */
  private static Map<String, String> specialTokens(Map<String, @Nullable Object> json) {
    Map<String, String> tokens = new LinkedHashMap<>();
    json.forEach((key, value) -> {
      if (key.endsWith("_token")) {
        switch (value) {
          case String text -> tokens.put(key, text);
          case Map<?, ?> map when map.get("content") instanceof String text ->
              tokens.put(key, text);
          case null, default -> {}
        }
      }
    });
    return tokens;
  }
}
