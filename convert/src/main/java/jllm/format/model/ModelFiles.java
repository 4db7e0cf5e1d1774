package jllm.format.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;

/** Opens model files of every supported format. */
public final class ModelFiles {
  private ModelFiles() {}

  /**
   * Checks that a tokenizer from elsewhere fits a model: every token needs an embedding. Rows
   * beyond the vocabulary are padding.
   *
   * @param tokenizer for the message
   * @param tokens one more than the highest id
   * @throws ModelFormatException if the model has fewer rows than there are tokens
   */
  public static void checkVocabulary(ModelFile model, Path tokenizer, int tokens) {
    int rows = model.config().vocabularySize();
    if (tokens > rows) {
      throw new ModelFormatException(
          "%s: the vocabulary has %d tokens, but the token embedding of %s only %d rows"
              .formatted(tokenizer, tokens, model.path(), rows));
    }
  }

  /**
   * Opens a model: a file, whose format is recognized by its content, or a Hugging Face folder.
   *
   * @throws IOException if a file is missing or cannot be read
   * @throws ModelFormatException if it is damaged or of an unsupported kind
   */
  public static ModelFile open(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      return new HubModel(path);
    }
    return switch (FileKind.of(path)) {
      case GGUF -> new GgufModel(path);
      case LLAMA2C -> new Llama2cModel(path);
      case SAFETENSORS -> new HubModel(path);
    };
  }
}
