package jllm.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import jllm.format.ModelFile;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jllm inspect}: what is in a model file. */
@Command(
    name = "inspect",
    description = "Show what a model file says: metadata, tensors, parameters, sizes.",
    mixinStandardHelpOptions = true,
    footer = {"", "Example: jllm inspect model.gguf"})
final class InspectCommand implements Callable<Integer> {
  private final Streams streams;

  @Mixin private final ModelArgument models = new ModelArgument();

  @Option(names = "--full", description = "Show long lists and texts whole.")
  private boolean full;

  @Mixin private final OutputOptions output = new OutputOptions();

  InspectCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    output.apply();
    try (ModelFile file = models.open()) {
      Inspection inspection = new Inspection(file, full);
      if (output.json) {
        inspection.writeJson(streams.out());
      } else {
        streams.out().print(inspection.text());
      }
    }
    return ExitCode.OK;
  }
}
