package jllm.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** Finds the reference data, which are not part of the project. */
public final class Fixtures {
  private Fixtures() {}

  /** A file or folder of the fixtures; the test is skipped where they are absent. */
  public static Path get(String name) {
    Path root = root();
    Assumptions.assumeTrue(root != null, "no fixtures: set JLLM_FIXTURES to their folder");
    Path path = Objects.requireNonNull(root).resolve(name);
    Assumptions.assumeTrue(Files.exists(path), path + " is absent");
    return path;
  }

  private static @Nullable Path root() {
    String set = System.getenv("JLLM_FIXTURES");
    if (set != null) {
      return Path.of(set);
    }
    for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
      Path shared = folder.resolve("shared/fixtures");
      if (Files.isDirectory(shared)) {
        return shared;
      }
    }
    return null;
  }
}
