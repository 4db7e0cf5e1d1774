package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
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
import jllm.tensor.DType;
import jllm.tokenize.Tokenizer;
import jllm.train.BatchOptions;
import jllm.train.Checkpoint;
import jllm.train.TrainOptions;
import jllm.train.data.TrainingData;
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
      "--data takes texts and shards, as pretrain does, or samples: JSON, one a line or in a list,"
          + " of",
      "messages, ShareGPT conversations, Alpaca instructions, self-instruct instances, prompts"
          + " with",
      "completions, or texts; of a folder train.* to train and valid.* to measure on. Of samples"
          + " the",
      "answers are learned: jllm data-check shows them. The loss is the mean over what is learned.",
      "",
      "The folder DIR gets the adapter as PEFT saves it (adapter_config.json,"
          + " adapter_model.safetensors),",
      "metrics.jsonl, metrics.csv, loss.png and checkpoints/step-N. Ctrl-C saves and ends (exit"
          + " 130);",
      "--resume auto goes on.",
      "",
      "Example: jllm finetune-lora model-q4_0.gguf --data notes.txt -o notes --iters 200",
      "         jllm generate -m model-q4_0.gguf --lora notes \"Today\"",
      "         jllm finetune-lora model.gguf --data talks.jsonl --packing -o tuned"
    })
final class FinetuneLoraCommand implements Callable<Integer> {
  /** Learning rate where all weights are trained. */
  private static final double USUAL_FULL_RATE = 2e-5;

  /** A step and a checkpoint may take long; Ctrl-C waits for both. */
  private static final long PATIENCE_MILLIS = 600_000;

  /** Tokens of a sequence where the model could take more. */
  static final int USUAL_LENGTH = 512;

  /** What is trained. */
  enum Kind {
    LORA,
    FULL
  }

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
      names = "--fine-tune-type",
      paramLabel = "lora|full",
      defaultValue = "lora",
      description =
          "lora: an adapter, beside which the model stays as it is; full: all weights, as a new"
              + " model in DIR. Default: ${DEFAULT-VALUE}.")
  private Kind kind = Kind.LORA;

  @Mixin private final AdapterTrainingOptions adapter = new AdapterTrainingOptions();
  @Mixin private final PretrainDataOptions data = new PretrainDataOptions();
  @Mixin private final SampleTrainingOptions samples = new SampleTrainingOptions();
  @Mixin private final PretrainLoopOptions loop = new PretrainLoopOptions(true);

  @Option(
      names = "--gguf",
      paramLabel = "FILE",
      description =
          "Write the adapter as llama.cpp reads it, too; of --fine-tune-type full the model, with"
              + " matrices of F16.")
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
    if (kind == Kind.FULL) {
      adapter.refuse(spec.commandLine().getParseResult());
      if (!spec.commandLine().getParseResult().hasMatchedOption("--lr")) {
        loop.rate = USUAL_FULL_RATE;
      }
    }
    PretrainDisplay display = new PretrainDisplay(streams, output.quiet, loop);
    try (Interruption _ = new Interruption(display::stop, null, PATIENCE_MILLIS);
        display;
        ModelFile model =
            ModelFiles.open(models.isEmpty() ? BundledModel.path() : models.getLast())) {
      return run(model, settings, checkpoint, display);
    } catch (CancellationException interrupted) {
      streams.err().println("jllm: interrupted; nothing was trained");
      return ExitCode.INTERRUPTED;
    }
  }

  private int run(
      ModelFile model,
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
      DType before = checkpoint == null ? null : checkpoint.weightType();
      try (Backend backend = compute.trainingBackend(before)) {
        TrainOptions options = loop.options(batch, steps, compute.weightType(backend));
        Tuning tuning =
            kind == Kind.FULL
                ? new Tuning.OfModel(model, tokenizer, ChatTemplateText.of(model), options)
                : new Tuning.OfAdapter(model, adapter.options(), options);
        RunArguments.noteBackend(backend, checkpoint, settings, streams.err());
        FinetuneRun.Job job =
            new FinetuneRun.Job(tuning, tokens, tokenizer, options, run, gguf, settings);
        return new FinetuneRun(job, backend, display, streams, output).run(checkpoint);
      }
    }
  }
}
