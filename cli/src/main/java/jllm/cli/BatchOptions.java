package jllm.cli;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Many prompts instead of one. */
final class BatchOptions {
  private static final int MOST = 16;

  @Option(
      names = "--prompts",
      paramLabel = "FILE",
      description =
          "Go on with each line of a file, - for standard input: texts, or objects such as"
              + " {\"prompt\": \"Once\", \"id\": 7, \"n\": 20, \"temp\": 0, \"seed\": 1}. Writes an object for"
              + " each, in their order.")
  @Nullable Path file;

  @Option(
      names = {"-np", "--parallel"},
      paramLabel = "N",
      description = "Prompts of --prompts that are computed side by side. Default: 4.")
  private @Nullable Integer parallel;

  void check() {
    if (parallel != null) {
      Range.check("--parallel", parallel, 1, MOST);
      if (file == null) {
        throw new UsageException("--parallel is for several prompts; give them with --prompts");
      }
    }
  }

  /** Sequences at a time. */
  int parallel(int prompts) {
    return Math.max(1, Math.min(prompts, parallel == null ? 4 : parallel));
  }
}
