package jllm.format.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jllm.format.ModelFile;

/** Opens model files of every supported format. */
public final class ModelFiles {
  private ModelFiles() {}

  /**
   * Opens a model: a file, whose format is recognized by its content, or a Hugging Face folder.
   *
   * @throws IOException if a file is missing or cannot be read
   * @throws jllm.format.ModelFormatException if it is damaged or of an unsupported kind
   */
  public static ModelFile open(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      return new HubModel(path);
    }
    return switch (FileKind.of(path)) {
      case GGUF -> new GgufModel(path);
      case LLAMA2C -> new Llama2cModel(path);
      case SAFETENSORS, PYTORCH -> new HubModel(path);
    };
  }
}
