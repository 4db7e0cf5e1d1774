package jllm.ffi.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The programs in {@code src/test/c/kernels}, with kernels built with the sanitizers for addresses
 * and for undefined behaviour: reads and writes beside memory end them. Skipped where there is no
 * compiler that has those. What was built is kept until sources change.
 */
class SanitizerTest {
  private static final String[] OPTIONS = {
    "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"
  };

  static Stream<Path> programs() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("src/test/c/kernels"))) {
      return files.filter(file -> file.toString().endsWith(".c")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("programs")
  void staysInItsMemory(Path program) throws Exception {
    Path out = Path.of("target", "sanitized");
    List<String> build = new ArrayList<>(List.of("sh", "src/main/c/build", out.toString()));
    build.addAll(List.of(OPTIONS));
    Result built = run(build);
    assertEquals(0, built.status(), built.output());
    Path library = library(out);
    Assumptions.assumeTrue(library != null, built.output());
    String name = program.getFileName().toString();
    Path binary = out.resolve(name.substring(0, name.length() - 2));
    List<String> compile = new ArrayList<>(List.of(compiler(), "-std=c11", "-Wall", "-Wextra"));
    compile.addAll(List.of(OPTIONS));
    compile.addAll(
        List.of(
            program.toString(),
            library.toString(),
            "-Wl,-rpath," + library.toAbsolutePath().getParent(),
            "-lm",
            "-o",
            binary.toString()));
    Result compiled = run(compile);
    Assumptions.assumeTrue(compiled.status() == 0, "no sanitizers: " + compiled.output());
    Result result = run(List.of(binary.toString()));
    assertEquals(0, result.status(), result.output());
  }

  private static @Nullable Path library(Path out) throws IOException {
    if (!Files.isDirectory(out)) {
      return null;
    }
    try (Stream<Path> files = Files.walk(out)) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("libjllm_kernels."))
          .findFirst()
          .orElse(null);
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
