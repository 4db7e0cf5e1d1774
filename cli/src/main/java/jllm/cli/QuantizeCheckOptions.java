package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.perplexity.Comparison;
import jllm.tensor.Backend;
import jllm.tensor.cpu.CpuKernels;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What of a quantized model's quality is measured, and how much of it may be lost. */
final class QuantizeCheckOptions {
  @Option(
      names = "--eval",
      paramLabel = "TEXT",
      description = "Measure the perplexity of IN and OUT on a file of text.")
  private @Nullable Path text;

  @Option(
      names = "--max-ppl-delta",
      paramLabel = "X",
      description =
          "Fail with status 6 if the perplexity of OUT is larger by more; the file is then named"
              + " OUT.unchecked.")
  private @Nullable Double most;

  @Option(
      names = {"-c", "--context", "--ctx-size"},
      paramLabel = "N",
      defaultValue = "0",
      description = "Tokens of a window of --eval; 0 = as perplexity. Default: ${DEFAULT-VALUE}.")
  private int context;

  @Option(
      names = "--chunks",
      paramLabel = "N",
      defaultValue = "0",
      description = "At most N windows of --eval; 0 = all. Default: ${DEFAULT-VALUE}.")
  private int chunks;

  /** Where the model is until it is measured. */
  static Path unchecked(Path target) {
    return target.resolveSibling(target.getFileName() + ".unchecked");
  }

  /** Refuses what makes no sense, before any work. */
  void check(boolean dryRun) throws IOException {
    Range.check("--context", context, 0, Integer.MAX_VALUE);
    Range.check("--chunks", chunks, 0, Integer.MAX_VALUE);
    if (text == null && (most != null || context > 0 || chunks > 0)) {
      throw new UsageException("--max-ppl-delta, --context and --chunks need --eval TEXT");
    }
    if (most != null && !(most >= 0)) {
      throw new UsageException("--max-ppl-delta is " + most + ", expected a number from 0 on");
    }
    if (text != null && dryRun) {
      throw new UsageException("--eval measures what --dry-run does not write; give one of them");
    }
    if (text != null) {
      TextSource.check(List.of(text));
    }
  }

  boolean wanted() {
    return text != null;
  }

  /**
   * Measures both models at once, and gives the new one its name, or not.
   *
   * @param written the new model, which is deleted if it could not be measured
   * @return the exit code
   * @throws CheckFailedException if more was lost than may be; the file stays where it is
   */
  int judge(
      Path before,
      Path written,
      Path target,
      int threads,
      QuantizeReport report,
      boolean quiet,
      Streams streams)
      throws IOException {
    boolean measured = false;
    try {
      PerplexityRun.Outcome outcome = measure(before, written, threads, quiet, streams);
      Comparison comparison = outcome.result().comparison();
      if (!outcome.result().complete() || comparison == null) {
        return ExitCode.INTERRUPTED;
      }
      measured = true;
      report.measured(outcome);
      report.end();
      check(comparison.basePerplexity().value(), outcome.result().perplexity().value(), written);
      Files.move(written, target, StandardCopyOption.REPLACE_EXISTING);
      return ExitCode.OK;
    } finally {
      if (!measured) {
        Files.deleteIfExists(written);
      }
    }
  }

  private PerplexityRun.Outcome measure(
      Path before, Path after, int threads, boolean quiet, Streams streams) throws IOException {
    try (Backend backend = CpuKernels.AUTO.open(threads)) {
      TextSource source =
          TextSource.of(List.of(), text == null ? List.of() : List.of(text), streams).getFirst();
      PerplexityRun run = new PerplexityRun(context, 0, chunks, tokenizer(before), quiet);
      return run.measure(
          after, new LoraOptions(), before, source, Placement.always(backend), streams);
    }
  }

  /** A tokenizer that is beside the old model need not be in the new one. */
  private static @Nullable Path tokenizer(Path before) throws IOException {
    try (ModelFile model = ModelFiles.open(before)) {
      return model.vocabulary() == null ? model.tokenizerPath() : null;
    }
  }

  private void check(double before, double after, Path written) {
    double delta = after - before;
    boolean tooMuch = most != null && !(delta <= most);
    if (tooMuch || !Double.isFinite(after)) {
      throw new CheckFailedException(
          String.format(
              Locale.ROOT,
              "the perplexity on %s went from %.4f to %.4f, by %+.4f%s; the new file was left at"
                  + " %s",
              text,
              before,
              after,
              delta,
              most == null ? "" : ", more than --max-ppl-delta " + most,
              written));
    }
  }

  /** Has the file deleted if the process is told to end before this is closed. */
  static Interruption guard(Path written) {
    return new Interruption(() -> delete(written), null, 0);
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // The process ends, and nobody is left to tell.
    }
  }
}
