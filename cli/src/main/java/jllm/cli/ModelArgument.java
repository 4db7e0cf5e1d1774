package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The model of a command that is about nothing else. */
final class ModelArgument {
  @Parameters(
      arity = "0..1",
      paramLabel = "MODEL",
      converter = ModelPath.class,
      description =
          "A GGUF file, a Hugging Face folder (config.json, *.safetensors), or a llama2.c .bin file;"
              + " or a name, see jllm models.")
  private @Nullable Path argument;

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      converter = ModelPath.class,
      description = "The same.")
  private @Nullable Path option;

  /** Opens the model; no weights are read. */
  ModelFile open() throws IOException {
    return ModelFiles.open(path());
  }

  /** The file or folder that was named. */
  Path path() {
    if (argument != null && option != null) {
      throw new UsageException("the model was given twice: " + argument + " and " + option);
    }
    Path path = argument == null ? option : argument;
    if (path == null) {
      throw new UsageException("no model was named; give a file or folder");
    }
    return path;
  }
}
