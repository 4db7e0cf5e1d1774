package jllm.launcher;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * A folder that looks to the launcher like a checkout, beside a JDK and a Maven made of shell
 * scripts. This java writes its arguments to standard output and ends with the status in STATUS,
 * after it read a line if WAIT is set, or records an empty AOT cache; this mvn makes a jar and adds
 * a line to a file for each build.
 */
final class Checkout {
  /** What a launch left behind. */
  record Outcome(int status, List<String> out, List<String> err) {
    /** The arguments that the program got. */
    List<String> arguments() {
      return out.subList(out.indexOf("-jar") + 2, out.size());
    }
  }

  private static final String WARNING = "WARNING: Using incubator modules: jdk.incubator.vector";

  final Path root;
  final Path launcher;
  private final Path folder;
  private final Path builds;

  Checkout(Path folder) throws IOException {
    this.folder = folder;
    root = folder.resolve("check out");
    launcher = root.resolve("jllm");
    builds = folder.resolve("builds");
    Path source = repository();
    for (String file :
        List.of("jllm", "scripts/find-jdk.sh", "scripts/build.sh", "scripts/run.sh")) {
      Files.createDirectories(root.resolve(file).getParent());
      Files.copy(source.resolve(file), root.resolve(file));
    }
    executable(launcher);
    write(root.resolve("pom.xml"), "");
    write(root.resolve("cli/pom.xml"), "");
    write(root.resolve("cli/src/main/java/A.java"), "");
    write(root.resolve("cli/src/test/java/ATest.java"), "");
    age();
    script(
        "jdk/bin/java",
        """
        for argument; do
          case $argument in -XX:AOTCacheOutput=*) echo >"${argument#*=}"; exit ;; esac
        done
        printf '%s\\n' "LC_ALL=$LC_ALL" "$@"
        echo "Picked up something" >&2
        echo "WARNING" >&2
        echo "of the JVM" >&2
        { echo "of the program" >&9; } 2>/dev/null
        [ -z "$WAIT" ] || read -r line
        exit ${STATUS:-0}
        """
            .replace("WARNING", WARNING));
    script("jdk/bin/javac", "");
    write(folder.resolve("jdk/release"), "JAVA_VERSION=\"25.0.1\"\n");
    maven("");
  }

  /** Makes Maven run these lines of shell first. */
  void maven(String before) throws IOException {
    script(
        "bin/mvn",
        before
            + """

            echo "$@" >>"$BUILDS"
            mkdir -p cli/target/launcher/lib
            echo >cli/target/launcher/lib/jllm.jar
            """);
  }

  /** Makes all files of the checkout older than anything made from now on. */
  private void age() throws IOException {
    try (var files = Files.walk(root)) {
      for (Path file : files.toList()) {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(60)));
      }
    }
  }

  int builds() throws IOException {
    return Files.exists(builds) ? Files.readAllLines(builds).size() : 0;
  }

  Outcome launch(String... arguments) throws Exception {
    return launch(launcher.toString(), Map.of(), arguments);
  }

  Outcome launch(String program, Map<String, String> environment, String... arguments)
      throws Exception {
    Process process = start(program, environment, arguments);
    CompletableFuture<List<String>> err =
        CompletableFuture.supplyAsync(() -> lines(process.errorReader()));
    List<String> out = lines(process.inputReader());
    return new Outcome(process.waitFor(), out, err.get());
  }

  Process start(String program, Map<String, String> environment, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", "exec \"$@\"", "sh", program));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().clear();
    builder
        .environment()
        .putAll(
            Map.of(
                "PATH", folder.resolve("bin") + ":/usr/bin:/bin",
                "HOME", folder.toString(),
                "TMPDIR", folder.toString(),
                "BUILDS", builds.toString(),
                "JLLM_AOT", "off",
                "JLLM_JAVA_HOME", folder.resolve("jdk").toString()));
    builder.environment().putAll(environment);
    return builder.start();
  }

  private static List<String> lines(BufferedReader reader) {
    return reader.lines().toList();
  }

  private void script(String name, String lines) throws IOException {
    Path file = folder.resolve(name);
    write(file, "#!/bin/sh\n" + lines);
    executable(file);
  }

  static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text, StandardCharsets.UTF_8);
  }

  private static void executable(Path file) throws IOException {
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** The checkout that is tested. */
  static Path repository() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve("jllm"))) {
      folder = folder.getParent();
      if (folder == null) {
        throw new IllegalStateException("no folder above the working directory has the launcher");
      }
    }
    return folder;
  }
}
