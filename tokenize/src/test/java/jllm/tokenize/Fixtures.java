package jllm.tokenize;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reference data that is no part of the project: tests that need it are skipped without it. */
public final class Fixtures {

  private Fixtures() {}

  /** A file of the fixtures; skips the test, saying why, where there is none. */
  public static Path path(String name) {
    String home = System.getenv("JLLM_FIXTURES");
    Path folder = home != null ? Path.of(home) : upward();
    if (folder == null || !Files.isDirectory(folder)) {
      System.out.println(
          "skipped: no fixtures folder (set JLLM_FIXTURES or put ../shared/fixtures)");
      assumeTrue(false, "no fixtures folder");
      throw new AssertionError();
    }
    Path file = folder.resolve(name);
    if (!Files.exists(file)) {
      System.out.println("skipped: the fixtures have no " + name);
      assumeTrue(false, "no fixture " + name);
    }
    return file;
  }

  private static @Nullable Path upward() {
    for (Path p = Path.of("").toAbsolutePath(); p != null; p = p.getParent()) {
      Path candidate = p.resolveSibling("shared").resolve("fixtures");
      if (Files.isDirectory(candidate)) {
        return candidate;
      }
    }
    return null;
  }

  public static String text(String name) {
    try {
      return Files.readString(path(name), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The cases of {@code vocab/inputs.txt}. */
  public static List<String> vocabCases() {
    List<String> cases = new ArrayList<>();
    for (String part : text("vocab/inputs.txt").split("\n__ggml_vocab_test__\n", -1)) {
      cases.add(part);
    }
    return cases;
  }

  /** Expected ids of that many cases, one a line. */
  public static List<int[]> ids(String name, int count) {
    List<int[]> all = new ArrayList<>();
    for (String line : text(name).split("\n", -1)) {
      String s = line.strip();
      if (s.isEmpty()) {
        all.add(new int[0]);
        continue;
      }
      String[] parts = s.split("\\s+");
      int[] ids = new int[parts.length];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = Integer.parseInt(parts[i]);
      }
      all.add(ids);
    }
    // The line break that ends the file begins no line, unless the last case is the empty one.
    while (all.size() > count && all.getLast().length == 0) {
      all.removeLast();
    }
    return all;
  }
}
