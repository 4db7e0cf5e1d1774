package jllm.tensor.cpu;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * How many cores this process may use, hardware threads that share one counted once: a second
 * thread on a core adds nothing to kernels that keep its units or its memory channels busy.
 */
final class PhysicalCores {
  private static final Path LINUX = Path.of("/sys/devices/system/cpu");

  private PhysicalCores() {}

  /**
   * At least 1; where the system does not tell cores from hardware threads, the processors that it
   * offers.
   */
  static int count() {
    return count(LINUX, Runtime.getRuntime().availableProcessors());
  }

  /**
   * @param folder one subfolder a hardware thread, as Linux shows them
   * @param available processors that this process may use: fewer than there are in a container
   */
  static int count(Path folder, int available) {
    Set<String> cores = new HashSet<>();
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(folder, "cpu[0-9]*")) {
      for (Path thread : threads) {
        Path topology = thread.resolve("topology");
        // A processor that is switched off has none.
        if (Files.isDirectory(topology)) {
          cores.add(
              Files.readString(topology.resolve("physical_package_id")).strip()
                  + ":"
                  + Files.readString(topology.resolve("core_id")).strip());
        }
      }
    } catch (IOException notLinux) {
      return available;
    }
    return cores.isEmpty() ? available : Math.min(cores.size(), available);
  }
}
