package jllm.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Reference data that is no part of the project: tests that need it are skipped without it. */
final class CliFixtures {
  private CliFixtures() {}

  /** A file of the fixtures; skips the test, saying why, where there is none. */
  static Path path(String name) {
    String home = System.getenv("JLLM_FIXTURES");
    Path file = Path.of(home != null ? home : "../../shared/fixtures").resolve(name);
    if (!Files.exists(file)) {
      System.out.println("skipped: there is no fixture " + file);
      assumeTrue(false, "no fixture " + name);
    }
    return file;
  }
}
