package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import jllm.format.convert.Conversion;
import jllm.format.convert.ConversionOptions;
import jllm.format.convert.OutputFile;
import jllm.format.convert.TargetFormat;
import jllm.quantize.QuantizationType;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jllm convert}: a model in another format. */
@Command(
    name = "convert",
    description = "Write a model, its tokenizer and its settings in another format.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "The name of OUT says which format: NAME.gguf, NAME.bin (llama2.c, with tokenizer.bin beside"
          + " it),",
      "anything else is a Hugging Face folder; --to says it whatever the name.",
      "",
      "Types: auto (as they are), f32 f16 bf16; in GGUF files also q8_0 q4_0 q4_1 q5_0 q5_1 q2_k"
          + " q3_k q4_k",
      "q5_k q6_k iq4_nl iq4_xs, the same for all matrices. 'jllm quantize' reads the same models"
          + " and mixes",
      "types as q4_k_m does.",
      "",
      "Example: jllm convert model-folder/ -o model.gguf --outtype q8_0"
    })
final class ConvertCommand implements Callable<Integer> {
  private final Streams streams;
  private volatile boolean cancelled;

  @Parameters(
      index = "0",
      paramLabel = "IN",
      description =
          "A Hugging Face folder, a GGUF or llama2.c file, a run of pretrain or one of its"
              + " checkpoints.")
  private Path input = Path.of("");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT",
      required = true,
      description = "The file or folder to write.")
  private Path target = Path.of("");

  @Option(
      names = "--to",
      paramLabel = "FORMAT",
      description = "gguf, hf or llama2c. Default: what the name of OUT says.")
  private @Nullable TargetFormat format;

  @Option(
      names = "--outtype",
      paramLabel = "TYPE",
      defaultValue = "auto",
      description = "The type of the matrices. Default: ${DEFAULT-VALUE}.")
  private String type = "";

  @Option(
      names = "--max-shard-size",
      paramLabel = "BYTES",
      defaultValue = "5G",
      converter = ByteSize.class,
      description = "The most that a safetensors file holds. Default: ${DEFAULT-VALUE}.")
  private long maxShardSize;

  @Option(
      names = "--metadata",
      paramLabel = "KEY=VALUE",
      description =
          "Metadata of the GGUF file; may be repeated. int:, float:, bool: or str: before the value"
              + " says its type.")
  private List<String> metadata = List.of();

  @Option(
      names = "--tokenizer",
      paramLabel = "PATH",
      description =
          "The tokenizer of this folder or file in place of the model's own, which a llama2.c file"
              + " may lack.")
  private @Nullable Path tokenizer;

  @Option(names = "--vocab-only", description = "Write the tokenizer alone.")
  private boolean vocabularyOnly;

  @Option(names = "--dry-run", description = "Show what would be written, and write nothing.")
  private boolean dryRun;

  @Option(names = "--force", description = "Replace OUT where it exists.")
  private boolean force;

  @Mixin private final OutputOptions output = new OutputOptions();

  ConvertCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    output.apply();
    ConversionOptions options = options();
    try (Conversion conversion = Conversion.open(input, target, options)) {
      for (String warning : conversion.warnings()) {
        if (!output.quiet) {
          streams.tell("jllm: warning: " + warning);
        }
      }
      ConvertReport report = new ConvertReport(streams.out(), conversion, target);
      if (dryRun) {
        report.plan(output.json);
        return ExitCode.OK;
      }
      conversion.checkTarget(force);
      long start = System.nanoTime();
      if (!write(conversion)) {
        streams.err().println("jllm: interrupted; nothing was written to " + target);
        return ExitCode.INTERRUPTED;
      }
      report.written(output.json, (System.nanoTime() - start) * 1e-9);
      return ExitCode.OK;
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }

  /** Whether it was not interrupted. */
  private boolean write(Conversion conversion) throws IOException {
    long total = conversion.files().stream().mapToLong(OutputFile::bytes).sum();
    try (Interruption _ = new Interruption(() -> cancelled = true, null);
        Progress progress = Progress.bytes(streams, output.quiet, "converting", total)) {
      long[] done = {0};
      conversion.write(bytes -> {
        if (cancelled) {
          throw new CancellationException();
        }
        done[0] += bytes;
        progress.update(done[0]);
      });
      return true;
    } catch (CancellationException interrupted) {
      return false;
    }
  }

  private ConversionOptions options() {
    Map<String, String> entries = new LinkedHashMap<>();
    for (String entry : metadata) {
      int equals = entry.indexOf('=');
      if (equals < 1) {
        throw new UsageException("--metadata is '" + entry + "', expected KEY=VALUE");
      }
      entries.put(entry.substring(0, equals), entry.substring(equals + 1));
    }
    if (maxShardSize < 1) {
      throw new UsageException("--max-shard-size is " + maxShardSize + ", expected 1 or more");
    }
    return new ConversionOptions(
        format == null ? TargetFormat.of(target) : format,
        elementType(),
        vocabularyOnly,
        entries,
        tokenizer,
        maxShardSize);
  }

  private @Nullable DType elementType() {
    if (type.toLowerCase(Locale.ROOT).equals("auto")) {
      return null;
    }
    try {
      return QuantizationType.elementNamed(type);
    } catch (IllegalArgumentException e) {
      throw new UsageException(
          "--outtype: " + e.getMessage() + "; mixtures such as q4_k_m are made by jllm quantize");
    }
  }
}
