package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.tensor.cpu.MachineLimits;
import jllm.tensor.cpu.Workers;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jllm inspect}: what is in a model file, how two differ, what models cost. */
@Command(
    name = "inspect",
    description = "Show what is in a model file, how two models differ, and what models cost.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "--diff ends with status 0 if the models are equal and 6 if they are not.",
      "",
      "Examples:",
      "  jllm inspect model.gguf --stats",
      "  jllm inspect model-q4.gguf --estimate --context 4096",
      "  jllm inspect --diff model.gguf model/ --tolerance 1e-6",
      "  jllm inspect --params 7B --tokens 2T --flops 100e9",
      "  jllm inspect --preset gopher-417m"
    })
final class InspectCommand implements Callable<Integer> {
  private final Streams streams;

  @Parameters(
      arity = "0..2",
      paramLabel = "FILE",
      description =
          "A model (GGUF file, Hugging Face folder, checkpoint, llama2.c .bin file), a tokenizer, or a"
              + " shard of tokens; two models with --diff.")
  private List<Path> files = List.of();

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      description = "The same.")
  private @Nullable Path model;

  @Option(
      names = "--stats",
      description = "Read all tensors: minimum, maximum, mean, standard deviation, share of zeros.")
  private boolean stats;

  @Option(
      names = "--estimate",
      description = "Measure this machine for a second, and say how fast the model can be at most.")
  private boolean estimate;

  @Option(
      names = {"-c", "--context", "--ctx-size"},
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Positions to count memory for; 0 = those of the model. Default: ${DEFAULT-VALUE}.")
  private int context;

  @Option(names = "--diff", description = "Compare two models.")
  private boolean diff;

  @Option(
      names = "--tolerance",
      paramLabel = "F",
      description =
          "With --diff: models are equal if all tensors are in both and their values differ by so much"
              + " at most, relatively (root mean square); types and metadata do not count then.")
  private @Nullable Double tolerance;

  @Option(names = "--full", description = "Show long lists and texts whole, and equal tensors.")
  private boolean full;

  @Mixin private final CostOptions costs = new CostOptions();
  @Mixin private final OutputOptions output = new OutputOptions();

  InspectCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    Range.check("--context", context, 0, 1 << 30);
    output.apply();
    List<Path> paths = paths();
    if (costs.areGiven()) {
      if (!paths.isEmpty()) {
        throw new UsageException(
            "these options are about models without files; leave " + paths.getFirst() + " out");
      }
      costs.report().write(streams.out(), output.json);
      return ExitCode.OK;
    }
    if (diff) {
      return compare(paths);
    }
    if (tolerance != null) {
      throw new UsageException("--tolerance belongs to --diff");
    }
    if (paths.size() != 1) {
      throw new UsageException(
          paths.isEmpty()
              ? "no model was named; give a file or folder"
              : "two files were named; compare them with --diff");
    }
    inspect(paths.getFirst());
    return ExitCode.OK;
  }

  private List<Path> paths() {
    if (model == null) {
      return files;
    }
    if (!files.isEmpty()) {
      throw new UsageException("the model was given twice: " + files.getFirst() + " and " + model);
    }
    return List.of(model);
  }

  private void inspect(Path named) throws IOException {
    if (!Files.exists(named)) {
      throw new NoSuchFileException(named.toString());
    }
    Path path = Training.modelOf(named);
    Finding other = OtherFile.of(path);
    if (other != null) {
      other.write(streams.out(), output.json);
      return;
    }
    try (ModelFile file = ModelFiles.open(path)) {
      if (costs.trains()) {
        String name = String.valueOf(path.toAbsolutePath().normalize().getFileName());
        costs.training(name, file.parameters(), false).write(streams.out(), output.json);
        return;
      }
      Inspection inspection = new Inspection(file, full);
      if (stats) {
        inspection.readStatistics();
      }
      inspection.estimate(context, estimate ? measure() : null);
      if (output.json) {
        inspection.writeJson(streams.out());
      } else {
        streams.out().print(inspection.text());
      }
    }
  }

  private static MachineLimits measure() {
    try (Workers team = new Workers(new ComputeOptions().threadCount())) {
      return MachineLimits.measure(team);
    }
  }

  private int compare(List<Path> paths) throws IOException {
    if (paths.size() != 2) {
      throw new UsageException("--diff compares two models, but " + paths.size() + " were named");
    }
    if (tolerance != null) {
      Range.check("--tolerance", tolerance, 0, 1e9);
    }
    try (ModelFile first = ModelFiles.open(paths.get(0));
        ModelFile second = ModelFiles.open(paths.get(1))) {
      ModelDiff difference = new ModelDiff(first, second, tolerance, full);
      if (output.json) {
        difference.writeJson(streams.out());
      } else {
        streams.out().print(difference.text());
      }
      return difference.isEqual() ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }
  }
}
