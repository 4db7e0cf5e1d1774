package jllm.format.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jllm.format.ModelFile;

/** Opens model files of every supported format. */
public final class ModelFiles {
  private ModelFiles() {}

  /**
   * The folder that holds the model: itself, or the last checkpoint in the folder of a training
   * run, whose name is in the file {@code checkpoints/latest}.
   *
   * @throws IOException if that file cannot be read
   */
  public static Path folder(Path path) throws IOException {
    Path latest = path.resolve("checkpoints").resolve("latest");
    if (Files.exists(path.resolve("config.json")) || !Files.isRegularFile(latest)) {
      return path;
    }
    Path checkpoint = latest.resolveSibling(Files.readString(latest).strip());
    return Files.isDirectory(checkpoint) ? checkpoint : path;
  }

  /**
   * Opens a model: a file, whose format is recognized by its content, or a Hugging Face folder, or
   * the folder of a training run.
   *
   * @throws IOException if a file is missing or cannot be read
   * @throws jllm.format.ModelFormatException if it is damaged or of an unsupported kind
   */
  public static ModelFile open(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      return new HubModel(folder(path));
    }
    return switch (FileKind.of(path)) {
      case GGUF -> new GgufModel(path);
      case LLAMA2C -> new Llama2cModel(path);
      case SAFETENSORS, PYTORCH -> new HubModel(path);
    };
  }
}
