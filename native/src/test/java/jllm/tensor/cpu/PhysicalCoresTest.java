package jllm.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PhysicalCoresTest {
  @TempDir Path folder;

  private void thread(int number, int socket, int core) throws IOException {
    Path topology = Files.createDirectories(folder.resolve("cpu" + number + "/topology"));
    Files.writeString(topology.resolve("physical_package_id"), socket + "\n");
    Files.writeString(topology.resolve("core_id"), core + "\n");
  }

  @Test
  void threadsOfOneCoreCountOnce() throws IOException {
    Files.createDirectories(folder.resolve("cpufreq"));
    for (int number = 0; number < 16; number++) {
      thread(number, number / 4 % 2, number % 4);
    }
    assertEquals(8, PhysicalCores.count(folder, 16));
  }

  @Test
  void aContainerMayOfferFewer() throws IOException {
    thread(0, 0, 0);
    thread(1, 0, 1);
    thread(2, 0, 2);
    assertEquals(2, PhysicalCores.count(folder, 2));
  }

  @Test
  void whereTheSystemDoesNotSayProcessorsCount() {
    assertEquals(3, PhysicalCores.count(folder, 3));
    assertEquals(5, PhysicalCores.count(folder.resolve("absent"), 5));
  }
}
