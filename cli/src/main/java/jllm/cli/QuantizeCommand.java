package jllm.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import jllm.quantize.QuantizationOptions;
import jllm.quantize.QuantizationType;
import jllm.quantize.Quantizer;
import jllm.quantize.TensorPlan;
import jllm.quantize.TensorResult;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jllm quantize}: a model with smaller weights. */
@Command(
    name = "quantize",
    description = "Write a model with weights of another, usually smaller, type.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Types: f32 f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1 q2_k q3_k_s q3_k_m q3_k_l q4_k_s q4_k_m q5_k_s",
      "q5_k_m q6_k iq4_nl iq4_xs. The ones that end in _s, _m, _l mix types: the tensors that a model is",
      "most sensitive to get a larger one, as llama.cpp chooses them.",
      "",
      "The error in the table is the root mean square of what changed in a tensor, relative to its values.",
      "",
      "Example: jllm quantize model-f16.gguf model-q4.gguf q4_k_m"
    })
final class QuantizeCommand implements Callable<Integer> {
  private final Streams streams;

  @Parameters(
      index = "0",
      paramLabel = "IN",
      description = "A GGUF file, a Hugging Face folder, or a llama2.c .bin file.")
  private Path input = Path.of("");

  @Parameters(index = "1", paramLabel = "OUT", description = "The GGUF file to write.")
  private Path target = Path.of("");

  @Parameters(index = "2", paramLabel = "TYPE", description = "What most weights become.")
  private String type = "";

  @Option(names = "--pure", description = "Give all matrices the same type.")
  private boolean pure;

  @Option(
      names = "--output-tensor-type",
      paramLabel = "TYPE",
      description = "The type of the output layer.")
  private @Nullable String outputType;

  @Option(
      names = "--token-embedding-type",
      paramLabel = "TYPE",
      description = "The type of the token embedding.")
  private @Nullable String embeddingType;

  @Option(
      names = "--tensor-type",
      paramLabel = "REGEX=TYPE",
      description =
          "The type of the matrices in whose name the expression is found; may be repeated, the"
              + " first that matches counts.")
  private List<String> tensorTypes = List.of();

  @Option(
      names = "--allow-requantize",
      description =
          "Quantize weights that are quantized already: loses more than from the original.")
  private boolean allowRequantize;

  @Option(names = "--dry-run", description = "Show what would be written, and write nothing.")
  private boolean dryRun;

  @Option(names = "--force", description = "Replace OUT where it exists.")
  private boolean force;

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      defaultValue = "0",
      description = "Threads that encode; 0 = one for each core. Default: ${DEFAULT-VALUE}.")
  private int threads;

  @Mixin private final QuantizeCheckOptions check = new QuantizeCheckOptions();
  @Mixin private final OutputOptions output = new OutputOptions();

  QuantizeCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    Range.check("--threads", threads, 0, 1024);
    check.check(dryRun);
    output.apply();
    QuantizationOptions options = options();
    if (!dryRun && !force && Files.exists(target)) {
      throw new FileAlreadyExistsException(
          target.toString(), null, "exists already; name another file, or replace it with --force");
    }
    Path folder = target.toAbsolutePath().getParent();
    Path written = check.wanted() ? QuantizeCheckOptions.unchecked(target) : target;
    long start = System.nanoTime();
    try (Quantizer quantizer =
            Quantizer.open(input, folder == null ? Path.of("") : folder, options);
        Interruption _ = check.wanted() ? QuantizeCheckOptions.guard(written) : null) {
      QuantizeReport report =
          new QuantizeReport(streams.out(), output.json, quantizer.plans(), options.type());
      if (dryRun) {
        for (TensorPlan plan : quantizer.plans()) {
          report.row(plan, null);
        }
      } else {
        int count = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        List<TensorResult> results =
            quantizer.write(written, count, result -> report.row(result.plan(), result.error()));
        report.written(target, Files.size(written), results, (System.nanoTime() - start) * 1e-9);
        if (check.wanted()) {
          return check.judge(input, written, target, threads, report, output.quiet, streams);
        }
      }
      report.end();
    }
    return ExitCode.OK;
  }

  private QuantizationOptions options() {
    try {
      return new QuantizationOptions(
          QuantizationType.named(type),
          pure,
          outputType == null ? null : QuantizationType.elementNamed(outputType),
          embeddingType == null ? null : QuantizationType.elementNamed(embeddingType),
          overrides(),
          allowRequantize);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }

  private List<QuantizationOptions.Override> overrides() {
    List<QuantizationOptions.Override> overrides = new ArrayList<>();
    for (String option : tensorTypes) {
      int equals = option.lastIndexOf('=');
      if (equals < 1) {
        throw new UsageException(
            "--tensor-type is '" + option + "', expected REGEX=TYPE, such as ffn_down=q6_k");
      }
      try {
        Pattern name = Pattern.compile(option.substring(0, equals));
        DType wanted = QuantizationType.elementNamed(option.substring(equals + 1));
        overrides.add(new QuantizationOptions.Override(name, wanted));
      } catch (PatternSyntaxException e) {
        throw new UsageException("--tensor-type: " + e.getMessage());
      }
    }
    return overrides;
  }
}
