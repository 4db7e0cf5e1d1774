package jllm.tensor.cpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The machine's processor as its system describes it.
 *
 * @param cores physical ones that this process may use
 * @param threads that these can run
 * @param instructionSets those for vectors and matrices, as the system names them; empty if it does
 *     not say
 */
public record Processor(String name, int cores, int threads, List<String> instructionSets) {
  private static final Path LINUX = Path.of("/proc/cpuinfo");

  /** In the order in which they came, for x86 and Arm. */
  private static final List<String> KNOWN =
      List.of(
          "sse4_2",
          "avx",
          "f16c",
          "fma",
          "avx2",
          "avx_vnni",
          "avx512f",
          "avx512bw",
          "avx512vl",
          "avx512_vnni",
          "avx512_bf16",
          "avx512_fp16",
          "amx_tile",
          "amx_bf16",
          "amx_int8",
          "asimd",
          "asimddp",
          "i8mm",
          "bf16",
          "sve",
          "sve2");

  public static Processor ofThisMachine() {
    int threads = Runtime.getRuntime().availableProcessors();
    return of(LINUX, PhysicalCores.count(), threads);
  }

  /** As {@link #ofThisMachine}, from another description. */
  static Processor of(Path cpuinfo, int cores, int threads) {
    String name = System.getProperty("os.arch");
    Set<String> flags = new HashSet<>();
    for (String line : lines(cpuinfo)) {
      int colon = line.indexOf(':');
      String key = colon < 0 ? "" : line.substring(0, colon).strip();
      String value = line.substring(colon + 1).strip();
      switch (key) {
        case "model name" -> name = value;
        case "flags", "Features" -> flags.addAll(Arrays.asList(value.split(" ", -1)));
        default -> {}
      }
    }
    return new Processor(name, cores, threads, KNOWN.stream().filter(flags::contains).toList());
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException absent) {
      return List.of(); // Not Linux.
    }
  }
}
