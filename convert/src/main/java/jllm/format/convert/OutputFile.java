package jllm.format.convert;

import java.nio.file.Path;
import java.util.List;
import jllm.tensor.Shape;

/**
 * A file that is written.
 *
 * @param bytes of its tensors, or of the whole file where it has none
 */
public record OutputFile(Path path, long bytes, List<Tensor> tensors) {
  public OutputFile {
    tensors = List.copyOf(tensors);
  }

  /** A tensor in it, under the name and type that the format has for it. */
  public record Tensor(String name, String type, Shape shape, long bytes) {}
}
