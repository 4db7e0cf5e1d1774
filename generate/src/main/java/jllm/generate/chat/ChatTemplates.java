package jllm.generate.chat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jllm.format.ModelFormatException;
import jllm.tokenize.text.Utf8;
import org.jspecify.annotations.Nullable;

/**
 * The chat templates of a model, found in its file or folder: none (a base model), one, or several
 * by name.
 */
public final class ChatTemplates {
  private static final String DEFAULT = "default";
  private static final String FOR_TOOLS = "tool_use";
  private static final int MOST_BYTES = 1 << 24;

  private final Path path;
  private final Map<String, String> sources;
  private final Map<String, String> specialTokens;

  ChatTemplates(Path path, Map<String, String> sources, Map<String, String> specialTokens) {
    this.path = path;
    this.sources = sources;
    this.specialTokens = specialTokens;
  }

  /**
   * Finds the templates of a {@code .jinja} file, a {@code tokenizer_config.json} or {@code
   * chat_template.json}, a Hugging Face folder, or a GGUF file.
   *
   * @throws IOException if it is missing or cannot be read
   * @throws ModelFormatException if it is damaged
   */
  public static ChatTemplates read(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such file");
    }
    if (Files.isDirectory(path)) {
      return HubTemplates.folder(path);
    }
    String name = String.valueOf(path.getFileName());
    if (name.endsWith(".json")) {
      return HubTemplates.file(path);
    }
    if (name.endsWith(".safetensors")) {
      return HubTemplates.folder(path.toAbsolutePath().resolveSibling(""));
    }
    byte[] start = start(path);
    if (start.length == 4 && Arrays.equals(start, new byte[] {'G', 'G', 'U', 'F'})) {
      return GgufTemplates.read(path);
    }
    if (name.endsWith(".bin")) {
      return new ChatTemplates(path, Map.of(), Map.of());
    }
    return new ChatTemplates(path, Map.of(DEFAULT, text(path)), Map.of());
  }

  private static byte[] start(Path path) throws IOException {
    try (InputStream in = Files.newInputStream(path)) {
      return in.readNBytes(4);
    }
  }

  /** The text of a template's file. */
  static String text(Path path) throws IOException {
    if (Files.size(path) > MOST_BYTES) {
      throw new FileSystemException(
          path.toString(), null, "has " + Files.size(path) + " bytes, too many for a template");
    }
    byte[] bytes = Files.readAllBytes(path);
    if (Utf8.firstInvalid(bytes, 0, bytes.length) >= 0) {
      throw new ModelFormatException(path + ": neither a model nor a template in UTF-8");
    }
    return new String(bytes, java.nio.charset.StandardCharsets.UTF_8);
  }

  /** The names of all; a single one is called {@code default}. */
  public List<String> names() {
    return List.copyOf(sources.keySet());
  }

  /** Texts of the model's special tokens by their Hugging Face names, such as bos_token. */
  public Map<String, String> specialTokens() {
    return specialTokens;
  }

  /** Why there is no template. */
  public String absence() {
    return path
        + ": carries no chat template, so it is probably a base model, which goes on with texts but"
        + " was not trained to answer";
  }

  /**
   * The template for conversations, as Hugging Face chooses it: absent if there is none.
   *
   * @param tools whether the conversation has tools, for which some models have a template
   */
  public Optional<ChatTemplate> select(boolean tools) {
    if (tools && sources.containsKey(FOR_TOOLS)) {
      return select(FOR_TOOLS);
    }
    return select(sources.containsKey(DEFAULT) || sources.isEmpty() ? DEFAULT : names().getFirst());
  }

  /** The template of a name, absent if there is none. */
  public Optional<ChatTemplate> select(String name) {
    @Nullable String source = sources.get(name);
    return Optional.ofNullable(source)
        .map(text -> ChatTemplate.of(path.toString(), text, specialTokens));
  }
}
