package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.BundledModel;
import jllm.generate.ModelTokenizer;
import jllm.tensor.Backend;
import jllm.tokenize.Tokenizer;
import jllm.train.AdapterOptions;
import jllm.train.BatchOptions;
import jllm.train.Checkpoint;
import jllm.train.RunSummary;
import jllm.train.TrainOptions;
import jllm.train.TrainedAdapter;
import jllm.train.Trainer;
import jllm.train.data.TrainingData;
import jllm.train.plot.LossPlot;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jllm finetune-lora}: trains an adapter of a model. */
@Command(
    name = "finetune-lora",
    description = "Train an adapter that changes a model, which itself stays as it is.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    defaultValueProvider = FinetuneLoraCommand.Defaults.class,
    footer = {
      "",
      "The folder DIR gets the adapter as PEFT saves it (adapter_config.json,"
          + " adapter_model.safetensors),",
      "metrics.jsonl, metrics.csv, loss.png and checkpoints/step-N. Ctrl-C saves and ends (exit"
          + " 130);",
      "--resume auto goes on.",
      "",
      "Example: jllm finetune-lora model-q4_0.gguf --data notes.txt -o notes --iters 200",
      "         jllm generate -m model-q4_0.gguf --lora notes \"Today\""
    })
final class FinetuneLoraCommand implements Callable<Integer> {
  /** Most time that goes into the estimate of the run's. */
  private static final long PROBE_NANOS = 2_000_000_000L;

  /** A step and a checkpoint may take long; Ctrl-C waits for both. */
  private static final long PATIENCE_MILLIS = 600_000;

  /** Tokens of a sequence where the model could take more. */
  static final int USUAL_LENGTH = 512;

  /** What is usual for adapters, and not for whole models. */
  static final class Defaults implements IDefaultValueProvider {
    private static final Map<String, String> VALUES =
        Map.of("--lr", "2e-4", "--batch-size", "4", "--weight-decay", "0", "--beta2", "0.999");

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
      return argument instanceof OptionSpec option ? VALUES.get(option.names()[0]) : null;
    }
  }

  private final Streams streams;

  @Spec private @Nullable CommandSpec spec;

  @Parameters(
      arity = "0..*",
      paramLabel = "MODEL",
      description =
          "The model that is changed: a GGUF file, quantized or not, or a folder. Default: the"
              + " small one that comes with the program.")
  private List<Path> models = List.of();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      required = true,
      description = "The folder of the run and of the adapter.")
  private Path run = Path.of("");

  @Option(
      names = "--lora-rank",
      paramLabel = "N",
      defaultValue = "16",
      description = "Rank of the changes. Default: ${DEFAULT-VALUE}.")
  private int rank;

  @Option(
      names = "--lora-alpha",
      paramLabel = "F",
      defaultValue = "32",
      description = "The changes are multiplied by alpha / rank. Default: ${DEFAULT-VALUE}.")
  private double alpha;

  @Option(
      names = "--lora-dropout",
      paramLabel = "F",
      defaultValue = "0.05",
      description = "Share of its inputs that the adapter does not see. Default: ${DEFAULT-VALUE}.")
  private double loraDropout;

  @Option(
      names = "--lora-targets",
      paramLabel = "NAME,...",
      split = ",",
      defaultValue = "all",
      description =
          "Layers that are changed: q, k, v, o, gate, up, down, attention, all, or names such as"
              + " q_proj. Default: ${DEFAULT-VALUE}.")
  private List<String> targets = List.of();

  @Option(names = "--use-rslora", description = "Multiply by alpha / sqrt(rank).")
  private boolean rankStabilized;

  @Option(
      names = "--num-layers",
      paramLabel = "N",
      defaultValue = "0",
      description = "Change the last N blocks alone; 0 = all. Default: ${DEFAULT-VALUE}.")
  private int blocks;

  @Mixin private final PretrainDataOptions data = new PretrainDataOptions();
  @Mixin private final SampleTrainingOptions samples = new SampleTrainingOptions();
  @Mixin private final PretrainLoopOptions loop = new PretrainLoopOptions();

  @Option(
      names = "--gguf",
      paramLabel = "FILE",
      description = "Write the adapter as llama.cpp reads it, too.")
  private @Nullable Path gguf;

  @Option(
      names = "--resume",
      paramLabel = "auto|PATH",
      description =
          "Go on where a run was left, with its options (those given now replace them): auto = the"
              + " latest checkpoint of -o, or begin if there is none.")
  private @Nullable String resume;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OutputOptions output = new OutputOptions();

  FinetuneLoraCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    if (spec == null) {
      throw new IllegalStateException("the command was not made by the parser of options");
    }
    Map<String, Object> settings = new LinkedHashMap<>();
    Checkpoint checkpoint = new RunArguments(spec).resume(resume, () -> run, settings);
    output.apply();
    compute.check();
    // A run that goes on may name its model again: the last one counts.
    if (checkpoint == null && models.size() > 1) {
      throw new UsageException("name one model to adapt, found " + models);
    }
    Path adapted = models.isEmpty() ? BundledModel.path() : models.getLast();
    AdapterOptions adapter =
        new AdapterOptions(
            rank, alpha, rankStabilized, loraDropout, new ArrayList<>(targets), blocks);
    PretrainDisplay display = new PretrainDisplay(streams, output.quiet);
    try (Interruption _ = new Interruption(display::stop, null, PATIENCE_MILLIS);
        display;
        ModelFile model = ModelFiles.open(adapted)) {
      return run(model, adapter, settings, checkpoint, display);
    } catch (CancellationException interrupted) {
      streams.err().println("jllm: interrupted; nothing was trained");
      return ExitCode.INTERRUPTED;
    }
  }

  private int run(
      ModelFile model,
      AdapterOptions wanted,
      Map<String, Object> settings,
      @Nullable Checkpoint checkpoint,
      PretrainDisplay display)
      throws IOException {
    Tokenizer tokenizer =
        data.tokenizer == null
            ? ModelTokenizer.of(model, null)
            : TokenizerOptions.named(data.tokenizer);
    int context = model.config().contextLength();
    BatchOptions batch = loop.batch(Math.min(context, USUAL_LENGTH));
    if (batch.sequenceLength() > context) {
      throw new UsageException(
          "--max-seq-length is %d, but the model has a context of %d"
              .formatted(batch.sequenceLength(), context));
    }
    try (TrainingData tokens =
        samples.open(data, model, tokenizer, batch.sequenceLength(), loop.seed, display)) {
      display.close();
      long steps = loop.horizon().steps(batch, tokens);
      TrainOptions options = loop.options(batch, steps);
      try (Backend backend = compute.backend()) {
        RunArguments.noteBackend(backend, checkpoint, settings, streams.err());
        try (TrainedAdapter adapter =
                checkpoint == null
                    ? TrainedAdapter.random(model, wanted, options.weightType(), loop.seed, backend)
                    : checkpoint.adapter(model, wanted, backend);
            Trainer trainer =
                new Trainer(
                    backend,
                    adapter,
                    tokens,
                    tokenizer,
                    options,
                    run,
                    settings,
                    display,
                    checkpoint)) {
          return train(trainer, adapter, options, tokens, display);
        }
      }
    }
  }

  private int train(
      Trainer trainer,
      TrainedAdapter adapter,
      TrainOptions options,
      TrainingData tokens,
      PretrainDisplay display)
      throws IOException {
    long first = trainer.step();
    boolean finished = first >= trainer.plan().steps();
    double seconds = finished ? Double.NaN : trainer.probe(PROBE_NANOS);
    PretrainTable table =
        new PretrainTable(adapter.config(), options, trainer.plan(), tokens, first, seconds);
    if (!output.quiet) {
      streams
          .err()
          .print(
              "adapter     rank %d, alpha %s, %,d numbers in %s%n"
                  .formatted(rank, alpha, adapter.size(), String.join(", ", adapter.targets())));
      streams.err().print(table.text());
    }
    display.begin(trainer.plan().steps(), trainer.plan().flopsPerStep(), Double.NaN);
    RunSummary summary = trainer.run();
    display.close();
    Path plot = LossPlot.draw(run);
    if (!summary.stopped()) {
      adapter.write(run);
      if (gguf != null) {
        adapter.writeGguf(gguf);
      }
    }
    if (!output.quiet) {
      streams
          .err()
          .println(PretrainTable.line(summary, first, trainer.plan().flopsPerStep(), Double.NaN));
    }
    report(table, summary, plot);
    return summary.stopped() ? ExitCode.INTERRUPTED : ExitCode.OK;
  }

  private void report(PretrainTable table, RunSummary summary, @Nullable Path plot)
      throws IOException {
    Path checkpoint = summary.checkpoint();
    if (!output.json) {
      streams.out().print((summary.stopped() && checkpoint != null ? checkpoint : run) + "\n");
      return;
    }
    try (Json json = new Json(streams.out())) {
      json.begin();
      table.write(json);
      new RunReport(summary, run, plot, summary.stopped() ? null : gguf).write(json);
      json.end();
    }
  }
}
