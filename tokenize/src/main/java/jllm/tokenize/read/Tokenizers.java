package jllm.tokenize.read;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.VocabularySpec;

/** Where tokenizers come from: metadata of a model file, files, names. */
public final class Tokenizers {

  private Tokenizers() {}

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
    return of(Llama2cVocabulary.read(Files.readAllBytes(file), file.toString()));
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
    return TokenizerJson.read(file);
  }
}
