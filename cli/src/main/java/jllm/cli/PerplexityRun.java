package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.ModelTokenizer;
import jllm.generate.perplexity.EvaluationText;
import jllm.generate.perplexity.PerplexityEvaluator;
import jllm.generate.perplexity.PerplexityResult;
import jllm.generate.perplexity.ScoredWindow;
import jllm.model.CacheTypes;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;

/**
 * A measurement of a model, or of two, with its progress on standard error.
 *
 * @param context tokens of a window, 0 = as the models and the text suggest
 * @param stride tokens between windows, 0 = chunks that do not overlap
 * @param most windows to take, 0 = all
 * @param tokenizer for models that carry none
 */
record PerplexityRun(int context, int stride, int most, @Nullable Path tokenizer, boolean quiet) {
  private static final System.Logger LOG = System.getLogger(PerplexityRun.class.getName());

  /** What was measured, and over what. */
  record Outcome(PerplexityResult result, int context, int windows) {}

  /**
   * Measures.
   *
   * @param lora changes the model at {@code path}, not the other
   */
  Outcome measure(
      Path path,
      LoraOptions lora,
      @Nullable Path basePath,
      TextSource text,
      Placement placement,
      Streams streams)
      throws IOException {
    try (ModelFile file = ModelFiles.open(path);
        ModelFile base = basePath == null ? null : ModelFiles.open(basePath);
        LoadedAdapters adapters = lora.load(file)) {
      return measure(file, adapters, base, text.readWhole(), placement, streams);
    }
  }

  private Outcome measure(
      ModelFile file,
      LoadedAdapters adapters,
      @Nullable ModelFile base,
      String text,
      Placement placement,
      Streams streams)
      throws IOException {
    Tokenizer own = ModelTokenizer.of(file, tokenizer);
    Tokenizer other = base == null ? null : ModelTokenizer.of(base, tokenizer);
    EvaluationText encoded = PerplexityEvaluator.encode(own, other, text);
    int size = context == 0 ? PerplexityEvaluator.context(file, base, encoded) : context;
    List<ScoredWindow> all =
        stride == 0
            ? ScoredWindow.chunks(encoded.length(), size)
            : ScoredWindow.strided(encoded.length(), size, stride);
    List<ScoredWindow> windows = most == 0 ? all : all.subList(0, Math.min(most, all.size()));
    if (size > file.config().contextLength()) {
      LOG.log(
          System.Logger.Level.WARNING,
          "the context is {0}; the model was made for {1} positions",
          String.valueOf(size),
          String.valueOf(file.config().contextLength()));
    }
    List<ModelFile> models = base == null ? List.of(file) : List.of(file, base);
    Backend backend = placement.of(models, size, 1, CacheTypes.of(DType.F32));
    Memory.require(models, backend, size);
    long scored = windows.stream().mapToLong(ScoredWindow::scored).sum();
    try (PerplexityEvaluator evaluator =
            PerplexityEvaluator.open(file, adapters.all(), base, backend, size);
        Progress progress = Progress.count(streams, quiet, "perplexity", scored, "tokens");
        Interruption _ = new Interruption(evaluator::cancel, null)) {
      PerplexityResult result =
          evaluator.measure(
              encoded,
              windows,
              (done, perplexity) -> {
                progress.message("perplexity " + PerplexityReport.show(perplexity));
                progress.update(done);
              });
      return new Outcome(result, size, windows.size());
    }
  }
}
