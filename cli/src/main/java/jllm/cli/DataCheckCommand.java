package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import jllm.format.ModelFile;
import jllm.tokenize.Tokenizer;
import jllm.train.DataException;
import jllm.train.sample.SampleCheck;
import jllm.train.sample.SampleFiles;
import jllm.train.sample.SampleReader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jllm data-check}: what a model would learn from samples. */
@Command(
    name = "data-check",
    description = "Show what finetune-lora would learn from samples, and what is wrong with them.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Samples are JSON lines or lists, also compressed, of messages, ShareGPT conversations,"
          + " Alpaca",
      "instructions, self-instruct instances, prompts with completions, or texts. They are written"
          + " by",
      "the model's chat template. What is learned is green, or between [[ and ]] without colours.",
      "",
      "Errors (exit 6): samples that are damaged or that the template refuses, in which there is"
          + " nothing",
      "to learn, or with roles out of order. With --strict all else that is found is one, too.",
      "",
      "Example: jllm data-check samples.jsonl -m model.gguf"
    })
final class DataCheckCommand implements Callable<Integer> {
  private static final long PATIENCE_MILLIS = 10_000;
  private static final int MOST_FINDINGS = 10;
  private static final int MOST_FINDINGS_JSON = 1000;

  private final Streams streams;

  @Parameters(
      arity = "1..*",
      paramLabel = "PATH",
      description = "Files or folders of samples, as finetune-lora takes them for --data.")
  private List<Path> paths = List.of();

  @Mixin private final ModelOptions models = new ModelOptions();
  @Mixin private final SampleFormatOptions format = new SampleFormatOptions();

  @Option(
      names = {"--max-seq-length", "--seq-len"},
      paramLabel = "N",
      description =
          "Tokens that a sample may have. Default: those of finetune-lora, 512 or the context of"
              + " the model.")
  private @Nullable Integer length;

  @Option(
      names = "--show",
      paramLabel = "N",
      defaultValue = "3",
      description = "Samples to show, the first ones. Default: ${DEFAULT-VALUE}.")
  private int shown;

  @Option(names = "--strict", description = "All that is found is an error.")
  private boolean strict;

  @Mixin private final OutputOptions output = new OutputOptions();

  DataCheckCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    try {
      return check();
    } catch (CancellationException interrupted) {
      streams.err().println("jllm: interrupted");
      return ExitCode.INTERRUPTED;
    }
  }

  private int check() throws IOException {
    output.apply();
    Range.check("--show", shown, 0, Integer.MAX_VALUE);
    List<Path> files = files();
    try (ModelFile model = models.open()) {
      Tokenizer tokenizer = models.tokenizer(model);
      int context = model.config().contextLength();
      int most = length == null ? Math.min(context, FinetuneLoraCommand.USUAL_LENGTH) : length;
      Range.check("--max-seq-length", most, 2, context);
      SampleReader reader = format.reader(model.path(), tokenizer);
      SampleCheck check =
          new SampleCheck(most, shown, output.json ? MOST_FINDINGS_JSON : MOST_FINDINGS);
      read(reader, files, check);
      DataCheckReport report =
          new DataCheckReport(check, reader.encoder(), most, strict, colours());
      if (output.json) {
        try (Json json = new Json(streams.out())) {
          report.write(json);
        }
      } else {
        streams.out().print(report.text());
      }
      return report.fails() ? ExitCode.CHECK_FAILED : ExitCode.OK;
    }
  }

  private void read(SampleReader reader, List<Path> files, SampleCheck check) throws IOException {
    try (PretrainDisplay display = new PretrainDisplay(streams, output.quiet);
        Interruption _ = new Interruption(display::stop, null, PATIENCE_MILLIS)) {
      reader.read(files, check, display);
    }
  }

  private boolean colours() {
    return streams.outIsTerminal() && System.getenv().getOrDefault("NO_COLOR", "").isEmpty();
  }

  private List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path path : paths) {
      if (!Files.exists(path)) {
        throw new NoSuchFileException(path.toString(), null, "there is no such file or folder");
      }
      SampleFiles found = SampleFiles.of(path);
      files.addAll(found.training());
      files.addAll(found.validation());
      if (!Files.isDirectory(path) && !SampleFiles.isSamples(path)) {
        throw new DataException(
            path
                + ": holds no samples; expected JSON objects, one a line or in a list (texts and"
                + " tokens are trained on as they are)");
      }
      if (found.training().isEmpty()) {
        throw new UsageException(path + ": there is no file of samples (JSON) in the folder");
      }
    }
    return files;
  }
}
