package jllm.format;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The JSON file that says which tensor is in which file of a model in several, as Hugging Face's
 * programs write it ({@code model.safetensors.index.json}, {@code pytorch_model.bin.index.json}).
 *
 * @param path of the index
 * @param namesByFile names of tensors by the name of the file, which is in the same folder
 */
public record ShardIndex(Path path, Map<String, List<String>> namesByFile) {

  /** Takes in the tensors of a file. */
  public interface Shard {
    void add(Path path) throws IOException;
  }

  /**
   * Reads an index.
   *
   * @throws IOException if it is missing or cannot be read
   * @throws ModelFormatException if it is damaged, or leads out of its folder
   */
  public static ShardIndex read(Path path) throws IOException {
    if (!(Json.read(path).get("weight_map") instanceof Map<?, ?> map)) {
      throw new ModelFormatException(path + ": has no weight_map");
    }
    Map<String, List<String>> namesByFile = new TreeMap<>();
    map.forEach((name, file) -> {
      String fileName = String.valueOf(file);
      if (fileName.contains("/") || fileName.contains("\\") || fileName.startsWith("..")) {
        throw new ModelFormatException(
            path + ": names the file " + fileName + ", expected a name without folders");
      }
      namesByFile.computeIfAbsent(fileName, _ -> new ArrayList<>()).add(String.valueOf(name));
    });
    return new ShardIndex(path, namesByFile);
  }

  /**
   * Reads all files.
   *
   * @param tensors where {@code shard} puts the tensors
   * @throws NoSuchFileException if one is missing
   * @throws ModelFormatException if one lacks a tensor that the index puts there
   */
  public void load(Map<String, StoredTensor> tensors, Shard shard) throws IOException {
    for (Map.Entry<String, List<String>> entry : namesByFile.entrySet()) {
      Path file = path.resolveSibling(entry.getKey());
      if (!Files.exists(file)) {
        throw new NoSuchFileException(
            file.toString(), null, "missing; " + path.getFileName() + " names it");
      }
      shard.add(file);
      for (String name : entry.getValue()) {
        if (!tensors.containsKey(name)) {
          throw new ModelFormatException(
              file + ": has no tensor " + name + ", which " + path.getFileName() + " says it has");
        }
      }
    }
  }
}
