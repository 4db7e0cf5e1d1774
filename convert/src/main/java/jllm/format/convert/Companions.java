package jllm.format.convert;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.Json;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.llama2c.Llama2cTokenizer;
import jllm.format.model.ModelArchitectures;
import jllm.format.model.ModelFiles;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.write.TokenizerWriters;
import org.jspecify.annotations.Nullable;

/**
 * What belongs to a model besides its weights: the texts of a Hugging Face folder, by the names of
 * its files, and the vocabulary.
 *
 * @param name of the model
 * @param texts contents of {@link #FILES}, as far as they are there
 * @param vocabulary as GGUF has it, absent if there is none that GGUF could have
 * @param chatTemplate absent if there is none
 * @param warnings what is missing, and what is lost
 */
record Companions(
    String name,
    Map<String, String> texts,
    @Nullable VocabularySpec vocabulary,
    @Nullable String chatTemplate,
    List<String> warnings) {
  static final String CONFIG = "config.json";
  static final String GENERATION = "generation_config.json";
  static final String TOKENIZER = "tokenizer.json";
  static final String TOKENIZER_CONFIG = "tokenizer_config.json";
  static final String SPECIAL_TOKENS = "special_tokens_map.json";
  static final String TEMPLATE = "chat_template.jinja";

  /** The texts that travel. */
  static final List<String> FILES =
      List.of(CONFIG, GENERATION, TOKENIZER, TOKENIZER_CONFIG, SPECIAL_TOKENS, TEMPLATE);

  Companions {
    texts = Map.copyOf(texts);
    warnings = List.copyOf(warnings);
  }

  /**
   * Of a model.
   *
   * @param input a folder, whose weights may be missing, or a file
   * @throws IOException if a file cannot be read
   * @throws ModelFormatException if one is damaged
   */
  static Companions of(Path input) throws IOException {
    if (Files.isDirectory(input)) {
      return ofFolder(ModelFiles.folder(input));
    }
    try (ModelFile model = ModelFiles.open(input)) {
      return of(model);
    }
  }

  static Companions of(ModelFile model) throws IOException {
    Path path = model.path();
    if (Files.isDirectory(path)) {
      return ofFolder(path);
    }
    if (model.format().startsWith("GGUF")) {
      return ofGguf(model);
    }
    Path beside = model.tokenizerPath();
    if (beside == null || !beside.toString().endsWith(".bin")) {
      return ofFolder(path.resolveSibling(""));
    }
    return new Companions(baseName(path), Map.of(), Llama2cTokenizer.read(beside), null, List.of());
  }

  private static String baseName(Path path) {
    String name = String.valueOf(path.toAbsolutePath().normalize().getFileName());
    int dot = name.lastIndexOf('.');
    return dot > 0 && !Files.isDirectory(path) ? name.substring(0, dot) : name;
  }

  private static Companions ofGguf(ModelFile model) {
    Map<String, Object> metadata = model.metadata();
    Map<String, String> texts = new LinkedHashMap<>();
    CarriedKeys.FILES.forEach((file, key) -> {
      if (metadata.get(key) instanceof String text) {
        texts.put(file, text);
      }
    });
    String template = metadata.get(CarriedKeys.CHAT_TEMPLATE) instanceof String text ? text : null;
    VocabularySpec vocabulary = model.vocabulary();
    List<String> warnings =
        vocabulary == null && !texts.containsKey(TOKENIZER)
            ? List.of(missing(model.path()))
            : List.of();
    String name =
        metadata.get("general.name") instanceof String given ? given : baseName(model.path());
    return new Companions(name, texts, vocabulary, template, warnings);
  }

  private static String missing(Path path) {
    return path + " has no tokenizer: what is written will have none";
  }

  private static Companions ofFolder(Path folder) throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    for (String name : FILES) {
      Path file = folder.resolve(name);
      if (Files.isRegularFile(file)) {
        texts.put(name, Files.readString(file));
      }
    }
    String template = texts.get(TEMPLATE);
    String config = texts.get(TOKENIZER_CONFIG);
    if (template == null && config != null) {
      template = template(Json.parse(folder.resolve(TOKENIZER_CONFIG).toString(), bytes(config)));
    }
    if (!hasTokenizer(folder)) {
      return new Companions(baseName(folder), texts, null, template, List.of(missing(folder)));
    }
    return ofTokenizer(baseName(folder), texts, template, Tokenizers.open(folder, null));
  }

  private static Companions ofTokenizer(
      String name, Map<String, String> texts, @Nullable String template, Tokenizer tokenizer)
      throws IOException {
    texts.putIfAbsent(TOKENIZER, json(tokenizer));
    if (texts.get(TOKENIZER).isEmpty()) {
      texts.remove(TOKENIZER);
    }
    try {
      TokenizerWriters.GgufForm form = TokenizerWriters.gguf(tokenizer);
      List<String> lost =
          form.lost().stream()
              .map(what -> "lost in GGUF's form of the tokenizer: " + what)
              .toList();
      return new Companions(name, texts, form.vocabulary(), template, lost);
    } catch (TokenizerFormatException e) {
      return new Companions(name, texts, null, template, List.of(String.valueOf(e.getMessage())));
    }
  }

  /**
   * These with the tokenizer, and its chat template, of somewhere else.
   *
   * @param path a folder, a model file or a file that {@link Tokenizers#open} reads
   * @throws IOException if there is no tokenizer, or it cannot be read
   */
  Companions withTokenizer(Path path) throws IOException {
    Companions given = ofTokenizerAt(path);
    if (given.vocabulary == null && !given.texts.containsKey(TOKENIZER)) {
      throw new NoSuchFileException(path.toString(), null, "there is no tokenizer in it");
    }
    Map<String, String> merged = new LinkedHashMap<>(texts);
    for (String file : List.of(TOKENIZER, TOKENIZER_CONFIG, SPECIAL_TOKENS, TEMPLATE)) {
      merged.remove(file);
      String text = given.texts.get(file);
      if (text != null) {
        merged.put(file, text);
      }
    }
    return new Companions(name, merged, given.vocabulary, given.chatTemplate, given.warnings);
  }

  private static Companions ofTokenizerAt(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      return ofFolder(path);
    }
    String file = path.toString();
    if (file.endsWith(".gguf")) {
      return of(path);
    }
    return file.endsWith(".bin")
        ? new Companions(baseName(path), Map.of(), Llama2cTokenizer.read(path), null, List.of())
        : ofTokenizer(baseName(path), new LinkedHashMap<>(), null, Tokenizers.open(path, null));
  }

  private static boolean hasTokenizer(Path folder) {
    return Files.isRegularFile(folder.resolve(TOKENIZER))
        || Files.isRegularFile(folder.resolve("tokenizer.model"))
        || Files.isRegularFile(folder.resolve("vocab.json"))
            && Files.isRegularFile(folder.resolve("merges.txt"));
  }

  /** The template in a tokenizer's configuration: a text, or the default one of several. */
  private static @Nullable String template(Map<String, @Nullable Object> config) {
    Object found = config.get("chat_template");
    if (found instanceof List<?> several) {
      for (Object one : several) {
        if (one instanceof Map<?, ?> named && "default".equals(named.get("name"))) {
          found = named.get("template");
        }
      }
    }
    return found instanceof String text ? text : null;
  }

  /**
   * The text of {@code tokenizer.json}, empty if that layout cannot say what the tokenizer does.
   */
  static String json(Tokenizer tokenizer) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      TokenizerWriters.json(tokenizer, out);
      return out.toString(StandardCharsets.UTF_8);
    } catch (TokenizerFormatException e) {
      return "";
    }
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** What GGUF calls the architecture that the configuration names, or what it says itself. */
  String architecture() {
    Map<String, @Nullable Object> config = entries(CONFIG);
    Object type = config == null ? null : config.get("model_type");
    String known = type instanceof String name ? ModelArchitectures.ofModelType(name) : null;
    return known != null ? known : type instanceof String name ? name : "llama";
  }

  /** The entries of one of the texts, absent if that is. */
  @Nullable Map<String, @Nullable Object> entries(String file) {
    String text = texts.get(file);
    return text == null ? null : Json.parse(name + ": " + file, bytes(text));
  }
}
