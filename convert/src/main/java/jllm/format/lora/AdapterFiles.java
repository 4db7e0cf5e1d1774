package jllm.format.lora;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import jllm.format.ModelFormatException;
import jllm.format.WeightSource;
import jllm.format.gguf.GgufFile;
import jllm.format.model.LinearLayers;
import jllm.format.model.ModelFiles;

/** Opens adapters of every supported format. */
public final class AdapterFiles {
  private AdapterFiles() {}

  /**
   * Reads an adapter for a model: a folder of PEFT, the weights in one, the folder of a fine-tuning
   * run, or a GGUF file.
   *
   * @param base the model that it is to change
   * @throws IOException if a file is missing or cannot be read
   * @throws ModelFormatException if it is damaged, of another kind, or does not fit the model
   */
  public static LoraAdapter open(Path path, WeightSource base) throws IOException {
    LinearLayers layers = LinearLayers.of(base);
    if (Files.isDirectory(path)) {
      return PeftAdapter.read(ModelFiles.folder(path), layers);
    }
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such adapter");
    }
    if (isGguf(path)) {
      return GgufAdapter.read(path, layers);
    }
    Path folder = path.toAbsolutePath().getParent();
    if (folder == null || !Files.isRegularFile(folder.resolve(PeftAdapter.CONFIG))) {
      throw new ModelFormatException(
          "%s: no adapter: it is not a GGUF file, and there is no %s beside it"
              .formatted(path, PeftAdapter.CONFIG));
    }
    return PeftAdapter.read(folder, layers);
  }

  /**
   * Whether a path is an adapter, and not a model or something else; not whether it can be read.
   *
   * @throws IOException if the file is there and cannot be read
   */
  public static boolean isAdapter(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      return Files.isRegularFile(ModelFiles.folder(path).resolve(PeftAdapter.CONFIG));
    }
    if (!Files.isRegularFile(path) || !isGguf(path)) {
      return false;
    }
    try (GgufFile file = GgufFile.open(path)) {
      return GgufAdapter.isAdapter(file);
    }
  }

  private static boolean isGguf(Path path) throws IOException {
    try (InputStream in = Files.newInputStream(path)) {
      return Arrays.equals(in.readNBytes(4), new byte[] {'G', 'G', 'U', 'F'});
    }
  }
}
