package jllm.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import jllm.format.ModelFile;
import jllm.format.convert.Conversion;
import jllm.format.convert.ConversionOptions;
import jllm.format.convert.OutputFile;
import jllm.format.convert.TargetFormat;
import jllm.format.lora.MergedModel;
import jllm.format.model.ModelFiles;
import jllm.quantize.QuantizationOptions;
import jllm.quantize.QuantizationType;
import jllm.quantize.Quantizer;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jllm merge-lora}: a model with adapters folded into its weights. */
@Command(
    name = "merge-lora",
    description = "Fold adapters into a model: it needs them no more.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Without --type each changed weight gets the type that it had; other weights stay as they are.",
      "",
      "Example: jllm merge-lora model.gguf style facts:0.5 -o tuned.gguf --type q4_k_m"
    })
final class MergeLoraCommand implements Callable<Integer> {
  private final Streams streams;

  @Parameters(index = "0", paramLabel = "BASE", description = "The model that is changed.")
  private Path base = Path.of("");

  @Parameters(
      index = "1..*",
      arity = "1..*",
      paramLabel = "ADAPTER[:WEIGHT]",
      description = "PEFT folders, folders of finetune-lora runs, or GGUF files; they add up.")
  private List<String> adapters = List.of();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT",
      required = true,
      description = "A GGUF file, or a Hugging Face folder.")
  private Path target = Path.of("");

  @Option(
      names = "--scale",
      paramLabel = "S",
      defaultValue = "1",
      description = "A factor on all changes. Default: ${DEFAULT-VALUE}.")
  private float scale;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description = "Give the whole model this type, such as q4_k_m; see jllm quantize.")
  private @Nullable String type;

  @Option(names = "--force", description = "Replace OUT where it exists.")
  private boolean force;

  @Mixin private final OutputOptions output = new OutputOptions();

  MergeLoraCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    output.apply();
    if (!Float.isFinite(scale)) {
      throw new UsageException("--scale is " + scale + ", expected a number");
    }
    List<AdapterArgument> arguments =
        adapters.stream().map(text -> AdapterArgument.parse("ADAPTER", text)).toList();
    QuantizationType wanted = type();
    TargetFormat format = TargetFormat.of(target);
    if (format == TargetFormat.LLAMA2C) {
      throw new UsageException(
          "OUT is " + target + ", expected a name that ends in .gguf, or a folder");
    }
    DType hubType = wanted == null ? null : wanted.base();
    if (format == TargetFormat.HF && hubType != null && hubType.isQuantized()) {
      throw new UsageException(
          "--type " + type + " needs a GGUF file: name OUT with .gguf at the end");
    }
    long start = System.nanoTime();
    try (ModelFile model = ModelFiles.open(base);
        LoadedAdapters loaded = AdapterArgument.load(arguments, scale, model)) {
      long changed =
          loaded.all().stream()
              .flatMap(adapter -> adapter.adapter().pairs().keySet().stream())
              .distinct()
              .count();
      MergedModel merged = new MergedModel(model, loaded.all(), wanted == null);
      ConversionOptions options = ConversionOptions.of(format);
      if (format == TargetFormat.GGUF && wanted != null) {
        quantized(merged, options, wanted);
      } else {
        converted(merged, target, options.withType(hubType), force);
      }
      report(changed, (System.nanoTime() - start) * 1e-9);
    }
    return ExitCode.OK;
  }

  private @Nullable QuantizationType type() {
    if (type == null) {
      return null;
    }
    try {
      return QuantizationType.named(type);
    } catch (IllegalArgumentException e) {
      throw new UsageException("--type: " + e.getMessage());
    }
  }

  private void converted(MergedModel merged, Path to, ConversionOptions options, boolean replace)
      throws IOException {
    try (Conversion conversion = Conversion.open(merged, to, options)) {
      conversion.checkTarget(replace);
      long total = conversion.files().stream().mapToLong(OutputFile::bytes).sum();
      long[] done = {0};
      try (Progress progress = Progress.bytes(streams, output.quiet, "merging", total)) {
        conversion.write(bytes -> {
          done[0] += bytes;
          progress.update(done[0]);
        });
      }
    }
  }

  /** By way of a file in which the changed weights are not rounded yet. */
  private void quantized(MergedModel merged, ConversionOptions options, QuantizationType wanted)
      throws IOException {
    if (!force && Files.exists(target)) {
      throw new FileAlreadyExistsException(
          target.toString(), null, "exists already; name another file, or replace it with --force");
    }
    Path parent = target.toAbsolutePath().getParent();
    if (parent == null || !Files.isDirectory(parent)) {
      throw new NoSuchFileException(target.toString(), null, "there is no folder to write it to");
    }
    Path between = Files.createTempFile(parent, "merge", ".gguf");
    between.toFile().deleteOnExit(); // should the program be interrupted
    try {
      converted(merged, between, options, true);
      QuantizationOptions all = new QuantizationOptions(wanted, false, null, null, List.of(), true);
      try (Quantizer quantizer = Quantizer.open(between, parent, all)) {
        quantizer.write(target, Runtime.getRuntime().availableProcessors(), _ -> {});
      }
    } finally {
      Files.deleteIfExists(between);
    }
  }

  private void report(long changed, double seconds) throws IOException {
    if (output.json) {
      try (Json object = new Json(streams.out())) {
        object.begin();
        object.field("target", target.toString());
        object.field("changed", changed);
        object.field("seconds", seconds);
        object.end();
      }
      return;
    }
    streams
        .out()
        .print(
            String.format(
                Locale.ROOT,
                "%s with %d adapter%s in %d weights -> %s, %.1f s%n",
                base,
                adapters.size(),
                adapters.size() == 1 ? "" : "s",
                changed,
                target,
                seconds));
    streams.out().flush();
  }
}
