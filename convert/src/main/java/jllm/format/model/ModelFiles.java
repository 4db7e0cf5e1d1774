package jllm.format.model;

import java.io.IOException;
import java.nio.file.Path;
import jllm.format.ModelFile;

/** Opens model files of every supported format. */
public final class ModelFiles {
  private ModelFiles() {}

  /**
   * Opens a model: the format is recognized by content.
   *
   * @throws IOException if a file is missing or cannot be read
   * @throws jllm.format.ModelFormatException if it is damaged or of an unsupported kind
   */
  public static ModelFile open(Path path) throws IOException {
    return new GgufModel(path);
  }
}
