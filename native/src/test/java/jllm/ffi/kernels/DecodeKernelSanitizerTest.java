package jllm.ffi.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code src/test/c/kernels/decode_test.c} with kernels built with the sanitizers for addresses and
 * for undefined behaviour: a read or write beside memory ends it. Skipped where there is no
 * compiler that has those. What was built is kept until sources change.
 */
class DecodeKernelSanitizerTest {
  private static final List<String> OPTIONS =
      List.of("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all");

  @Test
  void decodingStaysInItsMemory(@TempDir Path folder) throws Exception {
    Path empty = Files.writeString(folder.resolve("empty.c"), "int main(void) { return 0; }\n");
    Result probe = compile(empty, folder.resolve("empty"), List.of());
    Assumptions.assumeTrue(probe.status() == 0, "no sanitizers: " + probe.output());
    Path out = Path.of("target", "sanitized");
    List<String> build = new ArrayList<>(List.of("sh", "src/main/c/build", out.toString()));
    build.addAll(OPTIONS);
    Result built = run(build);
    assertEquals(0, built.status(), built.output());
    Optional<Path> found = library(out);
    Assumptions.assumeTrue(found.isPresent(), built.output());
    Path library = found.orElseThrow();
    Path program = folder.resolve("decode_test");
    Result compiled =
        compile(
            Path.of("src/test/c/kernels/decode_test.c"),
            program,
            List.of(
                library.toString(), "-Wl,-rpath," + library.toAbsolutePath().getParent(), "-lm"));
    assertEquals(0, compiled.status(), compiled.output());
    Result result = run(List.of(program.toString()));
    assertEquals(0, result.status(), result.output());
  }

  private static Result compile(Path source, Path program, List<String> libraries)
      throws Exception {
    List<String> command = new ArrayList<>(List.of(compiler(), "-std=c11", "-Wall", "-Wextra"));
    command.addAll(OPTIONS);
    command.addAll(List.of(source.toString(), "-o", program.toString()));
    command.addAll(libraries);
    try {
      return run(command);
    } catch (IOException e) {
      return new Result(1, e.toString()); // No such program.
    }
  }

  private static Optional<Path> library(Path out) throws IOException {
    if (!Files.isDirectory(out)) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.walk(out)) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("libjllm_kernels."))
          .findFirst();
    }
  }

  private static String compiler() {
    String named = System.getenv("CC");
    return named == null || named.isEmpty() ? "cc" : named;
  }

  private record Result(int status, String output) {}

  private static Result run(List<String> command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes());
    return new Result(process.waitFor(), command.get(0) + ": " + output);
  }
}
