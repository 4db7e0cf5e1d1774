package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import jllm.generate.perplexity.PerplexityResult;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jllm perplexity}: how well a model predicts a text. */
@Command(
    name = "perplexity",
    aliases = "eval",
    description = "Measure how well a model predicts a text, and how far it is from another.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Without --stride the text is cut in chunks of --context tokens, of which the second half"
          + " counts,",
      "with BOS in the place of the first token where the tokenizer adds one: the figures are those"
          + " of",
      "llama.cpp's perplexity tool, and each token costs two. With --stride windows overlap, each"
          + " token",
      "counts once with at least context - stride before it, and the figures are those of Hugging"
          + " Face's",
      "documentation: lower and nearer to the model's best, but slower.",
      "",
      "Bits per byte compare models with different tokenizers; perplexities do not.",
      "",
      "Example: jllm perplexity model-q4.gguf -f wiki.test.raw --against model-f16.gguf"
    })
final class PerplexityCommand implements Callable<Integer> {
  private final Streams streams;

  @Mixin private final ModelArgument models = new ModelArgument();
  @Mixin private final LoraOptions lora = new LoraOptions();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description = "The text, - for standard input.")
  private @Nullable Path file;

  @Option(
      names = "--against",
      paramLabel = "BASE",
      description =
          "A model with the same tokenizer to compare with: KL divergence, share of equal top"
              + " tokens.")
  private @Nullable Path base;

  @Option(
      names = {"-c", "--context", "--ctx-size"},
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Tokens of a window; 0 = 512, or fewer if the model or the text has not so many."
              + " Default: ${DEFAULT-VALUE}.")
  private int context;

  @Option(
      names = "--stride",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Tokens from one window to the next; 0 = chunks that do not overlap. Default:"
              + " ${DEFAULT-VALUE}.")
  private int stride;

  @Option(
      names = "--chunks",
      paramLabel = "N",
      defaultValue = "0",
      description = "At most N windows; 0 = the whole text. Default: ${DEFAULT-VALUE}.")
  private int chunks;

  @Option(
      names = "--tokenizer",
      paramLabel = "FILE",
      description = "The tokenizer, for models that carry none, such as llama2.c's tokenizer.bin.")
  private @Nullable Path tokenizer;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OffloadOptions offload = new OffloadOptions();
  @Mixin private final OutputOptions output = new OutputOptions();

  PerplexityCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    Range.check("--context", context, 0, Integer.MAX_VALUE);
    Range.check("--stride", stride, 0, Integer.MAX_VALUE);
    Range.check("--chunks", chunks, 0, Integer.MAX_VALUE);
    compute.check();
    output.apply();
    Path model = models.path();
    TextSource text =
        TextSource.of(List.of(), file == null ? List.of() : List.of(file), streams).getFirst();
    PerplexityRun run = new PerplexityRun(context, stride, chunks, tokenizer, output.quiet);
    try (Devices devices = new Devices(compute, offload)) {
      PerplexityRun.Outcome outcome = run.measure(model, lora, base, text, devices, streams);
      PerplexityResult result = outcome.result();
      if (!result.complete()) {
        streams
            .err()
            .printf(
                "jllm: interrupted after %d of %d windows; perplexity so far %s%n",
                result.windows(),
                outcome.windows(),
                PerplexityReport.show(result.perplexity().value()));
        return ExitCode.INTERRUPTED;
      }
      PerplexityReport report = new PerplexityReport(outcome, stride, base);
      if (output.json) {
        report.writeJson(streams.out());
      } else {
        streams.out().print(report.text());
      }
    }
    return ExitCode.OK;
  }
}
