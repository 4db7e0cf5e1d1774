package jllm.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.model.ModelFiles;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.split.Patterns;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which tokenizer to use. */
final class TokenizerOptions {
  private static final byte[] GGUF = "GGUF".getBytes(StandardCharsets.US_ASCII);
  private static final List<String> IN_FOLDERS =
      List.of("tokenizer.json", "vocab.json", "tokenizer.model");

  @Option(
      names = {"-m", "--model", "--tokenizer"},
      paramLabel = "NAME|PATH",
      defaultValue = "cl100k_base",
      description =
          "The tokenizer: a built-in one (gpt2, r50k_base, p50k_base, cl100k_base, o200k_base), a Hugging"
              + " Face folder, tokenizer.json, vocab.json beside merges.txt, SentencePiece .model,"
              + " .tiktoken, a GGUF file, or llama2.c's tokenizer.bin. Default: ${DEFAULT-VALUE}.")
  private String name = "cl100k_base";

  @Option(
      names = "--pattern",
      paramLabel = "PATTERN",
      description =
          "How a .tiktoken table splits texts: gpt2, cl100k, o200k, llama3, qwen2, tekken, or a regular"
              + " expression.")
  private @Nullable String pattern;

  /** The name as it was given. */
  String name() {
    return name;
  }

  /** Reads the tokenizer of that name or path, as these options would. */
  static Tokenizer named(String name) throws IOException {
    TokenizerOptions options = new TokenizerOptions();
    options.name = name;
    return options.open();
  }

  /** Reads the tokenizer. */
  Tokenizer open() throws IOException {
    boolean builtIn = Tokenizers.builtInNames().contains(name);
    if (pattern != null && (builtIn || !name.matches(".*\\.(tiktoken|model)"))) {
      throw new UsageException(
          "--pattern is for .tiktoken tables; " + name + " says itself how texts are split");
    }
    if (builtIn) {
      return Tokenizers.builtIn(name);
    }
    Path path = Path.of(name);
    if (!Files.exists(path)) {
      throw missing();
    }
    if (Files.isRegularFile(path) && isGguf(path)) {
      return gguf(path);
    }
    try {
      if (pattern != null && Patterns.named(pattern) == null) {
        Patterns.split(pattern);
      }
      return Tokenizers.open(path, pattern);
    } catch (IllegalArgumentException badPattern) {
      throw new UsageException("--pattern: " + badPattern.getMessage());
    }
  }

  /** The file that the tokenizer is read from, or null for a built-in one. */
  @Nullable Path file() {
    if (Tokenizers.builtInNames().contains(name)) {
      return null;
    }
    Path path = Path.of(name);
    return Files.isDirectory(path)
        ? IN_FOLDERS.stream()
            .map(path::resolve)
            .filter(Files::isRegularFile)
            .findFirst()
            .orElse(null)
        : path;
  }

  private NoSuchFileException missing() {
    String builtIn = String.join(", ", Tokenizers.builtInNames());
    if (name.indexOf('/') < 0 && name.indexOf('.') < 0) {
      throw new UsageException(
          "there is no tokenizer '"
              + name
              + "', neither built in nor as a file; built in are "
              + builtIn);
    }
    return new NoSuchFileException(
        name, null, "there is no such file or folder; built-in tokenizers are " + builtIn);
  }

  private static boolean isGguf(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return Arrays.equals(in.readNBytes(GGUF.length), GGUF);
    }
  }

  private static Tokenizer gguf(Path file) throws IOException {
    try (ModelFile model = ModelFiles.open(file)) {
      VocabularySpec vocabulary = model.vocabulary();
      if (vocabulary == null) {
        throw new ModelFormatException(file + ": there is no vocabulary in it");
      }
      return Tokenizers.of(vocabulary);
    }
  }
}
