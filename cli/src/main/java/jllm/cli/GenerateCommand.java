package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.generate.Generation;
import jllm.generate.GenerationOptions;
import jllm.generate.Generator;
import jllm.generate.StopReason;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tokenize.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jllm generate}: goes on with a text. */
@Command(
    name = "generate",
    description = "Go on with a text.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "The continuation alone is written to standard output, exactly as generated (on a terminal a line",
      "break ends it); messages and a line of statistics go to standard error.",
      "",
      "Example: jllm generate \"ROMEO:\"",
      "         jllm generate -m model.gguf -n 100 --temp 0 \"Once upon a time\""
    })
final class GenerateCommand implements Callable<Integer> {
  private static final System.Logger LOG = System.getLogger(GenerateCommand.class.getName());

  private final Streams streams;

  @Mixin private final PromptOptions prompts = new PromptOptions();
  @Mixin private final ModelOptions models = new ModelOptions();
  @Mixin private final LengthOptions lengths = new LengthOptions();
  @Mixin private final SamplingOptions sampling = new SamplingOptions();

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "End before this text; may be given more than once.")
  private List<String> stop = new ArrayList<>();

  @Option(names = "--ignore-eos", description = "Do not let the model end the text.")
  private boolean ignoreEnd;

  @Option(names = "--echo", description = "Write the prompt before the continuation.")
  private boolean echo;

  @Option(names = "--no-stream", description = "Write the text when it is complete.")
  private boolean atEnd;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OutputOptions output = new OutputOptions();

  GenerateCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    check();
    output.apply();
    try (ModelFile file = models.open()) {
      String prompt = prompts.read(streams);
      long start = System.nanoTime();
      ModelConfig config = file.config();
      Tokenizer tokenizer = models.tokenizer(file);
      int[] tokens = prompts.encode(prompt, tokenizer);
      int context = lengths.context(config, tokens.length);
      try (Backend backend = compute.backend()) {
        LOG.log(System.Logger.Level.INFO, "backend: " + backend.describe());
        Memory.require(file, backend, context);
        try (Transformer model = Transformer.of(file.weights(), backend);
            Generator generator = new Generator(model, backend, context)) {
          long loadNanos = System.nanoTime() - start;
          GenerationOptions options =
              new GenerationOptions(lengths.maxTokens, stop, ignoreEnd, sampling.settings(context));
          return run(generator, prompt, tokens, options, tokenizer, loadNanos);
        }
      }
    }
  }

  private void check() {
    prompts.check(streams);
    lengths.check();
    sampling.check();
    compute.check();
    if (stop.contains("")) {
      throw new UsageException("--stop is empty, expected at least one character");
    }
  }

  private int run(
      Generator generator,
      String prompt,
      int[] tokens,
      GenerationOptions options,
      Tokenizer tokenizer,
      long loadNanos)
      throws IOException {
    TextPrinter printer = new TextPrinter(streams.out(), !atEnd && !output.json);
    try (Interruption _ = new Interruption(generator::cancel, output.json ? null : printer)) {
      if (echo) {
        printer.accept(prompt);
      }
      LOG.log(System.Logger.Level.INFO, "generating from " + tokens.length + " tokens");
      Generation generation = generator.generate(tokens, options, tokenizer, printer);
      GenerationReport report =
          new GenerationReport(prompt, tokens, printer.text(), generation, options, loadNanos);
      if (output.json) {
        report.writeJson(streams.out());
      } else {
        printer.finish(streams.outIsTerminal());
      }
      if (!output.quiet) {
        streams.err().println(report.line());
      }
      return generation.reason() == StopReason.CANCELLED ? ExitCode.INTERRUPTED : ExitCode.OK;
    }
  }
}
