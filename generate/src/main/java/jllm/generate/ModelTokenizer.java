package jllm.generate;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.llama2c.Llama2cTokenizer;
import jllm.format.model.ModelFiles;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.read.Tokenizers;
import org.jspecify.annotations.Nullable;

/** Finds the tokenizer of a model: in its file, beside it, or in a file that was named. */
public final class ModelTokenizer {
  /** Embeddings are often padded to a multiple of up to this. */
  private static final int MOST_PADDING = 1024;

  private ModelTokenizer() {}

  /**
   * The tokenizer of a model.
   *
   * @param file to take it from, absent = the model's own
   * @throws IOException if the file is missing or cannot be read
   * @throws ModelFormatException if the model has none, or it does not fit the model's embedding
   */
  public static Tokenizer of(ModelFile model, @Nullable Path file) throws IOException {
    if (file != null) {
      return fitting(model, file);
    }
    VocabularySpec vocabulary = model.vocabulary();
    if (vocabulary != null) {
      return Tokenizers.of(vocabulary);
    }
    Path beside = model.tokenizerPath();
    if (beside == null) {
      throw new ModelFormatException(
          model.path() + ": there is no tokenizer in it or beside it; give one with --tokenizer");
    }
    return fitting(model, beside);
  }

  private static Tokenizer fitting(ModelFile model, Path file) throws IOException {
    Tokenizer tokenizer = read(file);
    int tokens = tokenizer.vocabulary().size();
    int rows = model.config().vocabularySize();
    if (tokens > rows || tokens < rows - MOST_PADDING) {
      throw new ModelFormatException(
          String.format(
              "%s: the vocabulary has %d tokens, but the token embedding of %s %d rows; they do not"
                  + " belong together",
              file, tokens, model.path(), rows));
    }
    return tokenizer;
  }

  private static Tokenizer read(Path file) throws IOException {
    if (file.toString().endsWith(".json")) {
      return Tokenizers.json(file);
    }
    if (!Files.isRegularFile(file) || !isGguf(file)) {
      return Tokenizers.of(Llama2cTokenizer.read(file));
    }
    try (ModelFile model = ModelFiles.open(file)) {
      VocabularySpec vocabulary = model.vocabulary();
      if (vocabulary == null) {
        throw new ModelFormatException(file + ": there is no vocabulary in it");
      }
      return Tokenizers.of(vocabulary);
    }
  }

  private static boolean isGguf(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return Arrays.equals(in.readNBytes(4), "GGUF".getBytes(StandardCharsets.US_ASCII));
    }
  }
}
