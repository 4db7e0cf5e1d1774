package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.BundledModel;
import jllm.generate.ModelTokenizer;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which model to use. */
final class ModelOptions {
  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      converter = ModelPath.class,
      description =
          "A GGUF file, a Hugging Face folder (config.json, *.safetensors), or a llama2.c .bin file;"
              + " or a name, see jllm models."
              + " Default: a small one that comes with the program and writes like Shakespeare.")
  @Nullable Path model;

  @Option(
      names = "--tokenizer",
      paramLabel = "FILE",
      description = "The tokenizer, for models that carry none, such as llama2.c's tokenizer.bin.")
  @Nullable Path tokenizer;

  /** Opens the model; no weights are read. */
  ModelFile open() throws IOException {
    return ModelFiles.open(model == null ? BundledModel.path() : model);
  }

  /** The tokenizer of the opened model. */
  Tokenizer tokenizer(ModelFile file) throws IOException {
    return ModelTokenizer.of(file, tokenizer);
  }
}
