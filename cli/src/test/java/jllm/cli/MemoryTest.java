package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryTest {

  @Test
  void availableMemoryIsReadFromTheSystem(@TempDir Path folder) throws IOException {
    Path meminfo =
        Files.writeString(folder.resolve("meminfo"), "MemTotal: 99 kB\nMemAvailable:   24 kB\n");
    assertEquals(24 * 1024, Memory.machine(meminfo));
    assertEquals(Long.MAX_VALUE, Memory.machine(folder.resolve("none")));
  }

  @Test
  void aContainersLimitCountsWithoutTheFilesItCaches(@TempDir Path folder) throws IOException {
    assertEquals(Long.MAX_VALUE, Memory.group(folder));
    Files.writeString(folder.resolve("memory.max"), "max\n");
    Files.writeString(folder.resolve("memory.current"), "700\n");
    assertEquals(Long.MAX_VALUE, Memory.group(folder));
    Files.writeString(folder.resolve("memory.max"), "1000\n");
    assertEquals(300, Memory.group(folder));
    Files.writeString(
        folder.resolve("memory.stat"), "anon 100\ninactive_file 50\nactive_file 20\n");
    assertEquals(370, Memory.group(folder));
  }

  @Test
  void sizesAreShownInUnitsThatPeopleRead() {
    assertEquals("999 bytes", Memory.show(999));
    assertEquals("1.0 kB", Memory.show(1_000));
    assertEquals("1.2 GB", Memory.show(1_170_781_568));
    assertEquals("105 MB", Memory.show(104_900_000));
  }
}
