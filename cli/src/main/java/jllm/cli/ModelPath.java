package jllm.cli;

import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;

/** A model by its path, or by a name that {@code jllm models} knows. */
final class ModelPath implements ITypeConverter<Path> {
  @Override
  public Path convert(String text) {
    return ModelStore.ofUser().resolve(Path.of(text));
  }
}
