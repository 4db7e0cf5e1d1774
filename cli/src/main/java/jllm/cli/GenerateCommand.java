package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import jllm.format.ModelFile;
import jllm.generate.GenerationOptions;
import jllm.model.CacheTypes;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tokenize.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code jllm generate}: goes on with a text, or with many. */
@Command(
    name = "generate",
    description = "Go on with a text.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "The continuation alone is written to standard output, exactly as generated (on a terminal a"
          + " line",
      "break ends it); messages and a line of statistics go to standard error.",
      "",
      "Example: jllm generate \"ROMEO:\"",
      "         jllm generate -m model.gguf -n 100 --temp 0 \"Once upon a time\"",
      "         jllm generate -n 5 --explain \"ROMEO:\"",
      "         jllm generate -m model.gguf --lora style:0.7 \"Once upon a time\"",
      "         jllm generate --num-beams 4 --num-return-sequences 2 -n 20 \"ROMEO:\"",
      "         jllm generate --prompts prompts.jsonl --parallel 8 > answers.jsonl"
    })
final class GenerateCommand implements Callable<Integer> {
  private static final System.Logger LOG = System.getLogger(GenerateCommand.class.getName());

  private final Streams streams;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin private final PromptOptions prompts = new PromptOptions();
  @Mixin private final BatchOptions batch = new BatchOptions();
  @Mixin private final ModelOptions models = new ModelOptions();
  @Mixin private final LoraOptions lora = new LoraOptions();
  @Mixin private final LengthOptions lengths = new LengthOptions();
  @Mixin private final SamplingOptions sampling = new SamplingOptions();
  @Mixin private final BeamOptions beams = new BeamOptions();

  @Option(
      names = {"-r", "--stop"},
      paramLabel = "TEXT",
      description = "End before this text; may be given more than once.")
  private List<String> stop = new ArrayList<>();

  @Option(
      names = "--stop-token",
      paramLabel = "ID",
      split = ",",
      description = "End before the token with this id; may be given more than once.")
  private List<Integer> stopTokens = new ArrayList<>();

  @Option(names = "--ignore-eos", description = "Do not let the model end the text.")
  private boolean ignoreEnd;

  @Option(names = "--echo", description = "Write the prompt before the continuation.")
  private boolean echo;

  @Option(names = "--no-stream", description = "Write the text when it is complete.")
  private boolean atEnd;

  @Mixin private final ChoiceOptions choices = new ChoiceOptions();
  @Mixin private final CacheOptions cache = new CacheOptions();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OffloadOptions offload = new OffloadOptions();
  @Mixin private final OutputOptions output = new OutputOptions();

  GenerateCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    check();
    output.apply();
    List<BatchPrompt> many = batch.file == null ? List.of() : BatchPrompt.read(batch.file, streams);
    try (ModelFile file = models.open()) {
      String prompt = batch.file == null ? prompts.read(streams) : "";
      long start = System.nanoTime();
      Tokenizer tokenizer = models.tokenizer(file);
      List<int[]> tokens = new ArrayList<>();
      if (batch.file == null) {
        tokens.add(prompts.encode(prompt, tokenizer));
      } else {
        for (BatchPrompt each : many) {
          tokens.add(each.encode(prompts, tokenizer));
        }
      }
      int context = context(file, tokens, many);
      try (LoadedAdapters adapters = lora.load(file);
          Devices devices = new Devices(compute, offload)) {
        CacheTypes types = cache.types(file.config(), devices.main());
        int sequences = beams.wanted() ? beams.beams : batch.parallel(Math.max(1, many.size()));
        Backend backend = devices.of(List.of(file), context, sequences, types);
        LOG.log(System.Logger.Level.INFO, "backend: " + backend.describe());
        Memory.require(file, backend, context, sequences, types);
        try (Transformer model = Transformer.of(file.weights(), backend, adapters.all())) {
          Loaded loaded =
              new Loaded(
                  file, model, backend, tokenizer, context, types, System.nanoTime() - start);
          if (batch.file != null) {
            return new BatchRun(streams, loaded, output)
                .run(many, tokens, options(0, context), sequences);
          }
          int[] only = tokens.getFirst();
          GenerationOptions options = options(only.length, context);
          if (beams.wanted()) {
            return new BeamRun(streams, loaded, output, echo)
                .run(prompt, only, options, beams.settings());
          }
          return new TextRun(streams, loaded, output, choices, cache)
              .run(prompt, only, options, echo, !atEnd);
        }
      }
    }
  }

  private int context(ModelFile file, List<int[]> tokens, List<BatchPrompt> many) {
    if (tokens.isEmpty()) {
      return 1;
    }
    int context = 1;
    for (int i = 0; i < tokens.size(); i++) {
      int limit = many.isEmpty() ? lengths.maxTokens : many.get(i).maxTokens(lengths.maxTokens);
      int own = lengths.context(file.config(), tokens.get(i).length, limit);
      context = Math.max(context, own);
      if (lengths.contextSize > 0) {
        break;
      }
    }
    return context;
  }

  private GenerationOptions options(int promptTokens, int context) {
    return new GenerationOptions(
        lengths.maxTokens,
        stop,
        Set.copyOf(stopTokens),
        ignoreEnd,
        sampling.settings(context),
        choices.alternatives(),
        cache.keep(promptTokens));
  }

  private void check() {
    if (batch.file == null) {
      prompts.check(streams);
    }
    batch.check();
    lengths.check();
    sampling.check();
    beams.check();
    choices.check();
    cache.check();
    compute.check();
    if (stop.contains("")) {
      throw new UsageException("--stop is empty, expected at least one character");
    }
    if (beams.wanted()) {
      refuse("--num-beams", "it searches for the most probable text", SamplingOptions.NAMES);
      refuse(
          "--num-beams",
          "it knows the whole text at the end only",
          List.of("--stop", "--logprobs", "--explain", "--context-shift", "--prompt-cache"));
    }
    if (batch.file != null) {
      String reason = "it is about one text";
      refuse("--prompts", reason, List.of("PROMPT", "--prompt", "--file", "--num-beams"));
      refuse("--prompts", reason, List.of("--echo", "--explain", "--no-stream"));
      refuse("--prompts", reason, List.of("--context-shift", "--prompt-cache"));
    }
    if (lora.given()) {
      refuse("--lora", "the file does not say which adapters it is for", List.of("--prompt-cache"));
    }
    if (choices.explain) {
      refuse("--explain", "it is for people", List.of("--json"));
      refuse("--explain", "it shows the text at the end", List.of("--echo", "--no-stream"));
    }
  }

  /** Refuses options that were given beside another that leaves them without meaning. */
  private void refuse(String option, String reason, List<String> others) {
    Set<String> found = new LinkedHashSet<>();
    for (String other : others) {
      boolean given =
          other.equals("PROMPT")
              ? prompts.argument != null
              : spec.commandLine().getParseResult().hasMatchedOption(other);
      if (given) {
        found.add(other);
      }
    }
    if (!found.isEmpty()) {
      throw new UsageException(
          option + " does not go with " + String.join(", ", found) + ": " + reason);
    }
  }
}
