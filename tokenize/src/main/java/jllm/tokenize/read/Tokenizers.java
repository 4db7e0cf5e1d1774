package jllm.tokenize.read;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.split.Patterns;
import org.jspecify.annotations.Nullable;

/** Where tokenizers come from: metadata of a model file, files, names. */
public final class Tokenizers {

  private Tokenizers() {}

  /** A reader of one file. */
  private interface Reader {
    Tokenizer read() throws IOException;
  }

  /** Puts the file's name before messages that do not say it: models do not know their file. */
  private static Tokenizer named(Path file, Reader reader) throws IOException {
    try {
      return reader.read();
    } catch (TokenizerFormatException e) {
      String message = String.valueOf(e.getMessage());
      Path folder = file.toAbsolutePath().getParent();
      boolean said =
          message.contains(file.toString())
              || folder != null && message.contains(folder.toString());
      throw said ? e : new TokenizerFormatException(file + ": " + message, e);
    }
  }

  /**
   * The tokenizer that the metadata of a GGUF file describes.
   *
   * @throws TokenizerFormatException if the kind of vocabulary is unknown or it contradicts itself
   */
  public static Tokenizer of(VocabularySpec spec) {
    return GgufTokenizers.of(spec);
  }

  /**
   * The tokenizer of llama2.c ({@code tokenizer.bin}).
   *
   * @throws IOException if the file cannot be read
   * @throws TokenizerFormatException if it is damaged
   */
  public static Tokenizer llama2c(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    return named(file, () -> of(Llama2cVocabulary.read(bytes, file.toString())));
  }

  /**
   * A tokenizer from the text of a {@code tokenizer.json}.
   *
   * @param name what to call it in messages
   * @throws TokenizerFormatException if it is damaged or has a component that is not known
   */
  public static Tokenizer json(String text, String name) {
    try {
      return TokenizerJson.read(
          new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A tokenizer from a file {@code tokenizer.json}.
   *
   * @throws IOException if the file cannot be read
   * @throws TokenizerFormatException if it is damaged or has a component that is not known
   */
  public static Tokenizer json(Path file) throws IOException {
    return named(file, () -> TokenizerJson.read(file));
  }

  /** The names that {@link #open} knows without a file. */
  public static List<String> builtInNames() {
    return BuiltIn.NAMES;
  }

  /**
   * A tokenizer that needs no file.
   *
   * @param name one of {@link #builtInNames}
   * @throws IllegalArgumentException if there is none of that name
   */
  public static Tokenizer builtIn(String name) {
    BuiltIn builtIn = BuiltIn.named(name);
    if (builtIn == null) {
      throw new IllegalArgumentException(
          "no tokenizer is called '" + name + "'; known are " + String.join(", ", BuiltIn.NAMES));
    }
    return builtIn.load();
  }

  /**
   * SentencePiece's {@code .model}.
   *
   * @throws IOException if the file cannot be read
   * @throws TokenizerFormatException if it is damaged or of an unknown kind
   */
  public static Tokenizer sentencePiece(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    return named(file, () -> SentencePieceModel.read(bytes, file.toString()));
  }

  /**
   * A rank table of tiktoken.
   *
   * @param pattern a name that {@link Patterns#named} knows, or a regular expression
   * @param specials text and id of the special tokens, which the table does not have
   * @throws IOException if the file cannot be read
   * @throws TokenizerFormatException if it is damaged
   */
  public static Tokenizer tiktoken(Path file, String pattern, Map<String, Integer> specials)
      throws IOException {
    String named = Patterns.named(pattern);
    byte[] bytes = Files.readAllBytes(file);
    String expression = named == null ? pattern : named;
    return named(file, () -> TiktokenFile.read(bytes, file.toString(), expression, specials));
  }

  /**
   * GPT-2's {@code vocab.json} and {@code merges.txt}.
   *
   * @throws IOException if a file cannot be read
   * @throws TokenizerFormatException if one is damaged or the two contradict each other
   */
  public static Tokenizer vocabAndMerges(Path vocab, Path merges) throws IOException {
    return named(vocab, () -> VocabAndMerges.read(vocab, merges));
  }

  /**
   * The tokenizer in a file or folder, whatever its layout: {@code tokenizer.json}, {@code .model}
   * of SentencePiece, {@code vocab.json} with {@code merges.txt}, {@code .tiktoken}, {@code
   * tokenizer.bin} of llama2.c.
   *
   * @param pattern how a {@code .tiktoken} table splits texts (see {@link #tiktoken}), or null: as
   *     the built-in table of the same name
   * @throws IOException if a file cannot be read
   * @throws TokenizerFormatException if it is damaged or of no known layout
   */
  public static Tokenizer open(Path path, @Nullable String pattern) throws IOException {
    return Files.isDirectory(path) ? openFolder(path) : openFile(path, pattern);
  }

  private static Tokenizer openFolder(Path folder) throws IOException {
    if (Files.isRegularFile(folder.resolve("tokenizer.json"))) {
      return json(folder.resolve("tokenizer.json"));
    }
    if (Files.isRegularFile(folder.resolve("vocab.json"))
        && Files.isRegularFile(folder.resolve("merges.txt"))) {
      return vocabAndMerges(folder.resolve("vocab.json"), folder.resolve("merges.txt"));
    }
    if (Files.isRegularFile(folder.resolve("tokenizer.model"))) {
      return openFile(folder.resolve("tokenizer.model"), null);
    }
    throw new TokenizerFormatException(
        folder
            + " has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt nor"
            + " tokenizer.model is there");
  }

  private static Tokenizer openFile(Path file, @Nullable String pattern) throws IOException {
    String name = String.valueOf(file.getFileName());
    if (name.endsWith(".json")) {
      Path merges = file.resolveSibling(name.replace("vocab.json", "merges.txt"));
      return name.endsWith("vocab.json") && Files.isRegularFile(merges)
          ? vocabAndMerges(file, merges)
          : json(file);
    }
    if (name.endsWith(".bin")) {
      return llama2c(file);
    }
    if (name.endsWith(".tiktoken") || name.endsWith(".model") && isText(file)) {
      BuiltIn same = BuiltIn.named(name.replace(".tiktoken", ""));
      if (pattern != null) {
        return tiktoken(file, pattern, Map.of());
      }
      if (same != null) {
        return tiktoken(file, same.pattern(), same.specials());
      }
      throw new TokenizerFormatException(
          file
              + " is a tiktoken table, which does not say how texts are split; name a pattern:"
              + " gpt2, cl100k, o200k, llama3, qwen2, tekken or a regular expression");
    }
    if (name.endsWith(".model")) {
      return sentencePiece(file);
    }
    throw new TokenizerFormatException(
        file
            + " is of no known layout; expected tokenizer.json, vocab.json with merges.txt beside"
            + " it, *.tiktoken, a SentencePiece *.model or llama2.c's tokenizer.bin");
  }

  /** Llama 3 calls its tiktoken table a model; a SentencePiece model begins with another byte. */
  private static boolean isText(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return in.read() > ' ';
    }
  }
}
