package jllm.e2e;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** Finds the reference data, which are not part of the project. */
final class Fixtures {
  /** The ids that the logits beside the models belong to. */
  static final String IDS = "1 403 407 261 378 300 411 455 260 399";

  static final List<String> GGUF =
      List.of(
          "llama-f32",
          "llama-F16",
          "llama-BF16",
          "llama-Q8_0",
          "llama-Q4_0",
          "llama-Q4_K_M",
          "llama-Q6_K",
          "qwen2-f32",
          "gpt2-f32",
          "mixtral-f32");

  private Fixtures() {}

  /** A model; the test is skipped where it is absent. */
  static Path model(String name) {
    return find("models/" + name);
  }

  /** A model with tokens and the trace of a training; the test is skipped where it is absent. */
  static Path training(String name) {
    return find("training/" + name);
  }

  private static Path find(String name) {
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
