package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import jllm.format.ModelFile;
import picocli.CommandLine.Option;

/** Adapters that change the model. */
final class LoraOptions {
  @Option(
      names = "--lora",
      paramLabel = "PATH[:SCALE]",
      description =
          "Change the model by an adapter: a PEFT folder, the folder of a finetune-lora run, or a"
              + " GGUF file. May be repeated; the changes add up.")
  private List<String> adapters = new ArrayList<>();

  boolean given() {
    return !adapters.isEmpty();
  }

  /** Opens the adapters for a model. */
  LoadedAdapters load(ModelFile model) throws IOException {
    return AdapterArgument.load(arguments(), 1, model);
  }

  /** The adapters that were named. */
  List<AdapterArgument> arguments() {
    return adapters.stream().map(text -> AdapterArgument.parse("--lora", text)).toList();
  }
}
