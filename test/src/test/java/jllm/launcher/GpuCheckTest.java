package jllm.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code scripts/gpu-check} with a jllm and a Python that only write down how they are called. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "it is a shell script")
@Timeout(120)
final class GpuCheckTest {
  @TempDir Path folder;
  private Path results;
  private Path calls;

  private record Outcome(int status, String said) {}

  @BeforeEach
  void makeImage() throws IOException {
    results = folder.resolve("results");
    calls = folder.resolve("calls");
    Files.writeString(calls, "");
    Path script = Checkout.repository().resolve("scripts/gpu-check");
    program("image/scripts/gpu-check", Files.readString(script));
    program(
        "image/jllm",
        """
        #!/bin/sh
        case $* in
          --version) echo jllm 1 ;;
          devices*) printf '{\\n "cuda" : [ {\\n "name" : "%s" } ] }\\n' "$GPU" ;;
          *--make-model*) echo "$3" >"$4"; echo "$4: 1 MB" >&2 ;;
          *)
            echo "$*" | sed "s, /[^ ]*/, ,g" >>"$CALLS"
            echo "| a row of $1 |"
            echo "measured peak 1 GFLOP/s" >&2
            case $* in *"$FAILING"*) exit 7 ;; esac
            ;;
        esac
        """);
    program(
        "python",
        """
        #!/bin/sh
        [ "$1" != - ] || exit 0
        [ "$2" != info ] || { echo PyTorch 1; exit 0; }
        shift
        echo "torch $*" | sed 's/--seconds=[0-9]*//' >>"$CALLS"
        echo "| a row of PyTorch |"
        """);
  }

  private void program(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private Outcome run(Map<String, String> environment) throws Exception {
    Path said = folder.resolve("said");
    ProcessBuilder builder =
        new ProcessBuilder(
                "/bin/sh", folder.resolve("image/scripts/gpu-check").toString(), results.toString())
            .redirectErrorStream(true)
            .redirectOutput(said.toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("GPU_CHECK"));
    builder
        .environment()
        .putAll(
            Map.of(
                "TMPDIR", folder.toString(),
                "PYTHON", folder.resolve("python").toString(),
                "CALLS", calls.toString(),
                "GPU", "Some GPU",
                "FAILING", "none",
                "JLLM_CUDA_LIBS", folder.toString()));
    builder.environment().putAll(environment);
    int status = builder.start().waitFor();
    return new Outcome(status, Files.readString(said));
  }

  private List<String> reports() throws IOException {
    try (var files = Files.list(results)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".md"))
          .map(name -> name.substring("2000-01-01-".length()))
          .sorted()
          .toList();
    }
  }

  private String report(String end) throws IOException {
    try (var files = Files.list(results)) {
      Path file =
          files.filter(name -> name.toString().endsWith("-" + end)).findFirst().orElseThrow();
      return Files.readString(file);
    }
  }

  @Test
  void allPartsAreMeasuredBesidePyTorch() throws Exception {
    Outcome outcome = run(Map.of());
    assertEquals(0, outcome.status(), outcome.said());
    List<String> called = Files.readAllLines(calls);
    for (String start :
        List.of(
            "bench-cpu-vs-gpu --verify-ops",
            "bench-train --device cuda --warm-up 3 -r 5 --preset gpt2-small --batch-size max --seq-len 1024",
            "torch train 1024 16 64",
            "bench -m 8b-q4_k_m.gguf --device cuda -p 4096",
            "torch generate 4096 128 8b",
            "bench -m 1b-bf16.gguf --device cuda -p 4096",
            "bench-train --device cuda --warm-up 3 -r 5 --preset llama-8b",
            "torch lora 2048 1 16 8b",
            "bench-train --device cuda --profile --preset gpt2-small --batch-size 16",
            "torch products 4096 8192",
            "torch attention",
            "torch precisions 1024 16")) {
      assertTrue(
          called.stream().anyMatch(call -> call.replaceAll(" +", " ").startsWith(start)),
          () -> start + " is not among\n" + String.join("\n", called));
    }
    assertEquals(List.of("some-gpu.md"), reports());
    String report = report("some-gpu.md");
    assertTrue(report.contains("| a row of bench |") && report.contains("| a row of PyTorch |"));
    assertTrue(report.contains("measured peak 1 GFLOP/s"), report);
    try (var left = Files.list(folder)) {
      assertTrue(left.noneMatch(file -> file.getFileName().toString().startsWith("tmp.")));
    }
  }

  @Test
  void partsCanBeChosenAndRunsKeepTheirFiles() throws Exception {
    Map<String, String> chosen = Map.of("GPU_CHECK_PARTS", "attention products");
    assertEquals(0, run(chosen).status());
    assertEquals(0, run(chosen).status());
    assertEquals(
        List.of("some-gpu-attention-products-2.md", "some-gpu-attention-products.md"), reports());
    assertFalse(Files.readString(calls).contains("bench-train"));
  }

  @Test
  void aPartThatFailsIsNamedAndTheOthersGoOn() throws Exception {
    Outcome outcome =
        run(Map.of("GPU_CHECK_PARTS", "products attention", "FAILING", "--attention"));
    assertEquals(6, outcome.status());
    String report = report("products-attention.md");
    assertTrue(report.contains("| Attention | **failed** with status 7 |"), report);
    assertTrue(report.contains("| Attention of PyTorch | done |"), report);
  }

  @Test
  void whatThereIsNoTimeForIsNamed() throws Exception {
    Outcome outcome = run(Map.of("GPU_CHECK_SECONDS", "0", "GPU_CHECK_PARTS", "generation lora"));
    assertEquals(6, outcome.status());
    assertEquals("", Files.readString(calls));
    assertTrue(
        report("generation-lora.md").contains("8b in bf16 | left out: no time |"), outcome.said());
  }

  @Test
  void unknownPartsAndMissingGpusHaveTheirStatus() throws Exception {
    Outcome unknown = run(Map.of("GPU_CHECK_PARTS", "checks speed"));
    assertEquals(2, unknown.status());
    assertTrue(unknown.said().contains("found 'speed', expected some of: checks training"));
    assertEquals(5, run(Map.of("GPU", "")).status());
  }
}
