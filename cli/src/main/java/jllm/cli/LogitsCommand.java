package jllm.cli;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import jllm.format.ModelFile;
import jllm.generate.Scorer;
import jllm.model.CacheTypes;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jllm logits}: what a model computes, for comparing engines. */
@Command(
    name = "logits",
    description = "Write the logits of every position of a text given as token ids.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "The output is float32, little-endian: one row for each id, as many values as the vocabulary"
          + " has",
      "tokens. The ids are taken as they are: no BOS is added.",
      "",
      "Example: jllm logits model.gguf --ids \"1 403 407\" -o logits.f32"
    })
final class LogitsCommand implements Callable<Integer> {
  private static final Path STANDARD = Path.of("-");

  private final Streams streams;

  @Mixin private final ModelArgument models = new ModelArgument();

  @Option(
      names = "--ids",
      paramLabel = "IDS",
      description = "Token ids, separated by spaces or commas.")
  private @Nullable String ids;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description = "Take the ids from a file, - for standard input.")
  private @Nullable Path file;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "Where to write, - for standard output.")
  private Path target = STANDARD;

  @Option(
      names = {"-b", "--batch-size"},
      paramLabel = "N",
      defaultValue = "64",
      description = "Positions computed at once; 1 = as when decoding. Default: ${DEFAULT-VALUE}.")
  private int batchSize;

  @Mixin private final LoraOptions lora = new LoraOptions();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OffloadOptions offload = new OffloadOptions();
  @Mixin private final LogOptions log = new LogOptions();

  LogitsCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    Range.check("--batch-size", batchSize, 1, 1 << 16);
    compute.check();
    log.apply();
    try (ModelFile model = models.open()) {
      int[] tokens = parse(readIds());
      if (!target.equals(STANDARD)) {
        try (AtomicFile output = new AtomicFile(target)) {
          score(model, tokens, output.out());
          output.commit();
        }
      } else if (streams.outIsTerminal()) {
        throw new UsageException("-o - would write binary numbers to the terminal; redirect it");
      } else {
        score(model, tokens, streams.out());
      }
    }
    return ExitCode.OK;
  }

  private String readIds() throws IOException {
    if ((ids == null) == (file == null)) {
      throw new UsageException("give the token ids with --ids or with -f FILE, one of the two");
    }
    if (ids != null) {
      return ids;
    }
    if (file != null && !file.equals(STANDARD)) {
      return new String(Files.readAllBytes(file), StandardCharsets.US_ASCII);
    }
    try (InputStream in = streams.in()) {
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
    }
  }

  private static int[] parse(String text) {
    int[] tokens =
        Stream.of(text.split("[\\s,]+"))
            .filter(word -> !word.isEmpty())
            .mapToInt(LogitsCommand::parseId)
            .toArray();
    if (tokens.length == 0) {
      throw new UsageException("there is no token id, expected at least one");
    }
    return tokens;
  }

  private static int parseId(String word) {
    try {
      return Integer.parseInt(word);
    } catch (NumberFormatException e) {
      throw new UsageException("'" + word + "' is no token id, expected a whole number");
    }
  }

  private void score(ModelFile file, int[] tokens, OutputStream out) throws IOException {
    try (LoadedAdapters adapters = lora.load(file);
        Devices devices = new Devices(compute, offload)) {
      CacheTypes types = CacheTypes.of(devices.main().activationType());
      Backend backend = devices.of(List.of(file), tokens.length, 1, types);
      Memory.require(file, backend, tokens.length);
      try (Transformer model = Transformer.of(file.weights(), backend, adapters.all());
          Scorer scorer = new Scorer(model, backend, tokens.length, batchSize)) {
        OutputStream buffered = new BufferedOutputStream(out, 1 << 16);
        scorer.score(tokens, logits -> Floats.write(logits.segment(), buffered));
        buffered.flush();
      }
    }
  }
}
