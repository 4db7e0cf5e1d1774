package jllm.tensor.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every kernel compiles with nvcc for the architectures that we look at: Ampere, Hopper, Blackwell.
 * The first line of a file names the files of its module, in their order.
 */
class KernelCompilationTest {
  private static final Path SOURCES = Path.of("src/main/cuda");
  private static final String MODULE = "// module: ";
  private static final List<String> ARCHITECTURES = List.of("sm_80", "sm_90a", "sm_100");

  @TempDir Path folder;

  @TestFactory
  List<DynamicTest> compile() throws IOException {
    Optional<Path> nvcc = nvcc();
    assumeTrue(nvcc.isPresent(), "nvcc is neither on the PATH nor in /usr/local/cuda/bin");
    List<DynamicTest> tests = new ArrayList<>();
    try (Stream<Path> files = Files.list(SOURCES)) {
      for (Path file : files.sorted().toList()) {
        String first = Files.readAllLines(file).getFirst();
        if (first.startsWith(MODULE)) {
          List<String> module = List.of(first.substring(MODULE.length()).split(" "));
          tests.add(dynamicTest(module.getLast(), () -> compile(nvcc.get(), module)));
        }
      }
    }
    assertFalse(tests.isEmpty(), "no modules in " + SOURCES.toAbsolutePath());
    return tests;
  }

  /** Compiles for all architectures at the same time. */
  private void compile(Path nvcc, List<String> module) throws IOException, InterruptedException {
    List<Process> compilers = new ArrayList<>();
    List<Path> logs = new ArrayList<>();
    for (String architecture : ARCHITECTURES) {
      List<String> command = new ArrayList<>();
      command.addAll(List.of(nvcc.toString(), "-std=c++17", "-cubin", "-arch=" + architecture));
      command.addAll(List.of("-Werror", "all-warnings"));
      // Most of the time would go into optimizing what is not run.
      command.addAll(List.of("-Xcicc", "-O1", "-Xptxas", "-O1"));
      for (String name : module.subList(0, module.size() - 1)) {
        command.addAll(List.of("-include", source(name)));
      }
      Path target = folder.resolve(module.getLast() + "." + architecture);
      Path log = folder.resolve(target.getFileName() + ".log");
      command.addAll(List.of("-o", target.toString(), source(module.getLast())));
      compilers.add(
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start());
      logs.add(log);
    }
    for (int i = 0; i < compilers.size(); i++) {
      int status = compilers.get(i).waitFor();
      assertEquals(0, status, ARCHITECTURES.get(i) + ":\n" + Files.readString(logs.get(i)));
    }
  }

  private static String source(String name) {
    return SOURCES.resolve(name + ".cu").toString();
  }

  private static Optional<Path> nvcc() {
    String path = System.getenv().getOrDefault("PATH", "");
    return Stream.concat(
            Stream.of(path.split(File.pathSeparator)), Stream.of("/usr/local/cuda/bin"))
        .map(folder -> Path.of(folder, "nvcc"))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
