package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.WeightSource;
import jllm.format.model.ModelFiles;
import jllm.generate.ModelTokenizer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tokenize.Tokenizer;
import jllm.train.BatchOptions;
import jllm.train.Checkpoint;
import jllm.train.GgufExport;
import jllm.train.ResumeProof;
import jllm.train.RunPlan;
import jllm.train.RunSummary;
import jllm.train.TrainOptions;
import jllm.train.TrainedWeights;
import jllm.train.Trainer;
import jllm.train.data.SpotTokenizers;
import jllm.train.data.TrainingData;
import jllm.train.plot.LossPlot;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code jllm pretrain}: trains a model from text or tokens. */
@Command(
    name = "pretrain",
    description = "Train a language model from text or tokens.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "The folder RUN gets metrics.jsonl, metrics.csv, loss.png and checkpoints/step-N, each a"
          + " Hugging",
      "Face folder that generate and other programs load, with what is needed to go on. Ctrl-C"
          + " saves",
      "and ends (exit 130); --resume auto goes on.",
      "",
      "Example: jllm pretrain --data corpus.txt --tokenizer char --preset nano --iters 2000 -o run"
    })
final class PretrainCommand implements Callable<Integer> {
  /** Most time that goes into the estimate of the run's. */
  private static final long PROBE_NANOS = 4_000_000_000L;

  /** A step and a checkpoint may take long; Ctrl-C waits for both. */
  private static final long PATIENCE_MILLIS = 600_000;

  private final Streams streams;

  @Spec private @Nullable CommandSpec spec;

  @Mixin private final PretrainDataOptions data = new PretrainDataOptions();
  @Mixin private final PretrainModelOptions models = new PretrainModelOptions();
  @Mixin private final PretrainLoopOptions loop = new PretrainLoopOptions(false);
  @Mixin private final PretrainOutput target = new PretrainOutput();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OutputOptions output = new OutputOptions();

  PretrainCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    Map<String, Object> settings = new LinkedHashMap<>();
    RunArguments arguments = new RunArguments(command());
    Checkpoint checkpoint = arguments.resume(target.resume, target::run, settings);
    output.apply();
    compute.check();
    models.check();
    Path initFrom = checkpoint == null ? models.initFrom : null;
    PretrainDisplay display = new PretrainDisplay(streams, output.quiet, loop);
    try (Interruption _ = new Interruption(display::stop, null, PATIENCE_MILLIS);
        display;
        ModelFile model = initFrom == null ? null : ModelFiles.open(initFrom)) {
      return run(settings, checkpoint, model, display);
    } catch (CancellationException interrupted) {
      streams.err().println("jllm: interrupted; nothing was trained");
      return ExitCode.INTERRUPTED;
    }
  }

  private CommandSpec command() {
    if (spec == null) {
      throw new IllegalStateException("the command was not made by the parser of options");
    }
    return spec;
  }

  private int run(
      Map<String, Object> settings,
      @Nullable Checkpoint checkpoint,
      @Nullable ModelFile model,
      PretrainDisplay display)
      throws IOException {
    Tokenizer tokenizer = tokenizer(checkpoint, model);
    ModelConfig config = config(checkpoint, model, tokenizer);
    BatchOptions batch = loop.batch(config.contextLength());
    if (batch.sequenceLength() > config.contextLength()) {
      throw new UsageException(
          "--seq-len is %d, but the model has a context of %d; make sequences shorter, or the context longer"
              .formatted(batch.sequenceLength(), config.contextLength()));
    }
    try (TrainingData tokens =
        TrainingData.open(
            data.options(loop.seed),
            tokenizer,
            config.vocabularySize(),
            batch.sequenceLength(),
            display)) {
      display.close();
      long steps = loop.horizon().steps(batch, tokens);
      if (target.gguf != null) {
        GgufExport.check(config, tokenizer, target.gguf.type());
      }
      DType before = checkpoint == null ? null : checkpoint.weightType();
      try (Backend backend = compute.trainingBackend(before)) {
        TrainOptions options = loop.options(batch, steps, compute.weightType(backend));
        RunPlan plan = RunPlan.of(config, options, tokens, backend);
        Memory.require(plan, backend);
        if (target.dryRun) {
          show(new PretrainTable(config, options, plan, tokens, step(checkpoint), Double.NaN));
          return ExitCode.OK;
        }
        Path run = target.run();
        RunArguments.noteBackend(backend, checkpoint, settings, streams.err());
        ResumeProof proof =
            new ResumeProof(
                backend, () -> first(model, config, options, backend), tokens, tokenizer, options);
        if (target.verifyResume && !ResumeCheck.passes(proof, streams.err(), output.quiet)) {
          return ExitCode.CHECK_FAILED;
        }
        try (TrainedWeights weights = weights(checkpoint, model, config, options, backend);
            Trainer trainer =
                new Trainer(
                    backend,
                    weights,
                    tokens,
                    tokenizer,
                    options,
                    run,
                    settings,
                    display,
                    checkpoint)) {
          return train(
              trainer,
              new Context(config, options, tokens, tokenizer, weights, backend, run),
              display);
        }
      }
    }
  }

  private record Context(
      ModelConfig config,
      TrainOptions options,
      TrainingData data,
      @Nullable Tokenizer tokenizer,
      TrainedWeights weights,
      Backend backend,
      Path run) {}

  private int train(Trainer trainer, Context context, PretrainDisplay display) throws IOException {
    long first = trainer.step();
    boolean finished = first >= trainer.plan().steps();
    double seconds = finished ? Double.NaN : trainer.probe(PROBE_NANOS);
    PretrainTable table =
        new PretrainTable(
            context.config(), context.options(), trainer.plan(), context.data(), first, seconds);
    if (!output.quiet) {
      streams.err().print(table.text());
    }
    double peak = compute.peakFlops(context.backend());
    display.begin(trainer.plan().steps(), trainer.plan().flopsPerStep(), peak);
    RunSummary summary = trainer.run();
    display.close();
    Path plot = LossPlot.draw(context.run());
    Path gguf = summary.stopped() ? null : gguf(context);
    if (!output.quiet) {
      streams
          .err()
          .println(PretrainTable.line(summary, first, trainer.plan().flopsPerStep(), peak));
    }
    report(table, summary, plot, gguf, context.run());
    return summary.stopped() ? ExitCode.INTERRUPTED : ExitCode.OK;
  }

  private @Nullable Path gguf(Context context) throws IOException {
    PretrainOutput.GgufType type = target.gguf;
    if (type == null) {
      return null;
    }
    Path file = context.run().resolve(type.file());
    List<String> lost;
    try (WeightSource weights = context.weights().onHost()) {
      lost = GgufExport.write(file, weights, context.tokenizer(), null, type.type());
    }
    if (!output.quiet) {
      lost.forEach(line -> streams.err().println("jllm: note: " + file + ": " + line));
    }
    return file;
  }

  private void report(
      PretrainTable table, RunSummary summary, @Nullable Path plot, @Nullable Path gguf, Path run)
      throws IOException {
    Path checkpoint = summary.checkpoint();
    if (!output.json) {
      if (checkpoint != null) {
        streams.out().print(checkpoint + "\n");
      }
      if (gguf != null) {
        streams.out().print(gguf + "\n");
      }
      return;
    }
    try (Json json = new Json(streams.out())) {
      json.begin();
      table.write(json);
      new RunReport(summary, run, plot, gguf).write(json);
      json.end();
    }
  }

  private void show(PretrainTable table) throws IOException {
    if (!output.json) {
      streams.out().print(table.text());
      return;
    }
    try (Json json = new Json(streams.out())) {
      json.begin();
      table.write(json);
      json.end();
    }
  }

  private static long step(@Nullable Checkpoint checkpoint) {
    return checkpoint == null ? 0 : checkpoint.step();
  }

  private @Nullable Tokenizer tokenizer(@Nullable Checkpoint checkpoint, @Nullable ModelFile model)
      throws IOException {
    if (checkpoint != null) {
      Path file = checkpoint.path().resolve("tokenizer.json");
      return Files.isRegularFile(file) ? TokenizerOptions.named(file.toString()) : null;
    }
    String name = data.tokenizer;
    if (name == null && model != null) {
      boolean has = model.vocabulary() != null || model.tokenizerPath() != null;
      return has ? ModelTokenizer.of(model, null) : null;
    }
    List<Path> texts = data.texts();
    if (name == null) {
      return texts.isEmpty() ? null : SpotTokenizers.bytes(data.severalDocuments());
    }
    if (name.equals("byte")) {
      return SpotTokenizers.bytes(data.severalDocuments());
    }
    if (name.equals("char")) {
      if (texts.isEmpty()) {
        throw new UsageException(
            "--tokenizer char takes the characters of text, but --data are tokens already");
      }
      return SpotTokenizers.characters(texts, data.severalDocuments());
    }
    return TokenizerOptions.named(name);
  }

  private ModelConfig config(
      @Nullable Checkpoint checkpoint, @Nullable ModelFile model, @Nullable Tokenizer tokenizer)
      throws IOException {
    if (checkpoint != null) {
      return checkpoint.config();
    }
    if (model != null) {
      return model.config();
    }
    Integer vocabulary = models.vocabulary;
    if (tokenizer == null && vocabulary == null) {
      throw new UsageException(
          "shards do not say how many tokens there are; name the tokenizer that made them with"
              + " --tokenizer, or the number with --vocab-size");
    }
    int tokens = tokenizer == null ? 0 : tokenizer.vocabulary().size();
    if (vocabulary != null && vocabulary < tokens) {
      throw new UsageException(
          "--vocab-size is %d, but the tokenizer has %d tokens".formatted(vocabulary, tokens));
    }
    return models.shape().config(vocabulary == null ? tokens : vocabulary);
  }

  private TrainedWeights weights(
      @Nullable Checkpoint checkpoint,
      @Nullable ModelFile model,
      ModelConfig config,
      TrainOptions options,
      Backend backend)
      throws IOException {
    if (checkpoint != null) {
      return checkpoint.weights(backend);
    }
    return first(model, config, options, backend);
  }

  private static TrainedWeights first(
      @Nullable ModelFile model, ModelConfig config, TrainOptions options, Backend backend) {
    return model == null
        ? TrainedWeights.random(config, options.weightType(), options.seed(), backend)
        : TrainedWeights.copy(model.weights(), options.weightType(), backend);
  }
}
