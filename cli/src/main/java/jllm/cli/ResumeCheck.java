package jllm.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import jllm.train.ResumeProof;

/** Runs the proof that a run can be interrupted, in a folder of its own, and says how it went. */
final class ResumeCheck {
  private static final int STEPS = 4;

  private ResumeCheck() {}

  /** Whether resuming gives the same bits. */
  static boolean passes(ResumeProof proof, PrintStream err, boolean quiet) throws IOException {
    Path folder = Files.createTempDirectory("jllm-resume-");
    try {
      List<String> differences = proof.run(folder, STEPS);
      if (!differences.isEmpty()) {
        err.println("jllm: resuming does not give the same bits; different are");
        differences.forEach(line -> err.println("  " + line));
      } else if (!quiet) {
        err.println(
            "resuming gives the same bits: %d steps at one go equal %d, a checkpoint, and %d"
                .formatted(STEPS, STEPS / 2, STEPS / 2));
      }
      return differences.isEmpty();
    } finally {
      delete(folder);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      files
          .sorted(Comparator.reverseOrder())
          .forEach(file -> {
            try {
              Files.delete(file);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    }
  }
}
