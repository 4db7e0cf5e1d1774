package jllm.cli;

import java.nio.file.Path;
import java.util.Locale;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a run is written, and how it goes on after an end. */
final class PretrainOutput {

  /** Types of a GGUF file's matrices. */
  enum GgufType {
    F32(DType.F32),
    F16(DType.F16),
    BF16(DType.BF16),
    Q8_0(DType.Q8_0);

    private final DType type;

    GgufType(DType type) {
      this.type = type;
    }

    DType type() {
      return type;
    }

    /** The name of the file in the folder of the run. */
    String file() {
      return "model-" + name().toLowerCase(Locale.ROOT) + ".gguf";
    }
  }

  @Option(
      names = {"-o", "--output"},
      paramLabel = "RUN",
      description = "The folder of the run: metrics, plots, checkpoints.")
  private @Nullable Path run;

  @Option(
      names = "--gguf",
      paramLabel = "TYPE",
      description = "Write the trained model as GGUF, too: f32, f16, bf16 or q8_0.")
  @Nullable GgufType gguf;

  @Option(
      names = "--resume",
      paramLabel = "auto|PATH",
      description =
          "Go on where a run was left, with its options (those given now replace them): auto = the"
              + " latest checkpoint of -o, or begin if there is none; or a run, or a checkpoint.")
  @Nullable String resume;

  @Option(
      names = "--verify-resume",
      description =
          "First prove that a run which is interrupted and resumed gives the same bits: exit 6 if not.")
  boolean verifyResume;

  @Option(names = "--dry-run", description = "Show what the run would be, and train nothing.")
  boolean dryRun;

  /** The folder of the run. */
  Path run() {
    if (run == null) {
      throw new UsageException("a run needs a folder to write to; name one with -o");
    }
    return run;
  }
}
