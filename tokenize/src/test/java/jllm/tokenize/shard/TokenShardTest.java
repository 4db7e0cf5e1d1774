package jllm.tokenize.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenShardTest {
  @TempDir Path folder;

  @Test
  void theFixturesAreRead() throws IOException {
    String home = System.getenv("JLLM_FIXTURES");
    Path root = home == null ? Path.of("../../shared/fixtures") : Path.of(home);
    Path bytes = root.resolve("training/gpt2-bytes");
    Assumptions.assumeTrue(Files.isDirectory(bytes), "no fixture " + bytes);
    for (String split : new String[] {"train", "val"}) {
      try (ShardSet set = ShardSet.open(bytes, split)) {
        byte[] file = Files.readAllBytes(bytes.resolve(split + ".bin"));
        assertEquals((file.length - 1024) / 2, set.size());
        assertTrue(set.maxId() < 256);
        for (int i = 0; i < set.size(); i += 997) {
          assertEquals(file[1024 + 2 * i] & 0xff | (file[1025 + 2 * i] & 0xff) << 8, set.get(i));
        }
      }
    }
  }

  private Path shard(String name, int magic, int version, int count, int bytes) throws IOException {
    ByteBuffer b = ByteBuffer.allocate(1024 + bytes).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0, magic).putInt(4, version).putInt(8, count);
    for (int i = 0; i < bytes; i++) {
      b.put(1024 + i, (byte) (i * 37 + 200));
    }
    return Files.write(folder.resolve(name), b.array());
  }

  private static String refused(Path path) {
    return String.valueOf(
        assertThrows(ShardFormatException.class, () -> TokenShard.open(path)).getMessage());
  }

  @Test
  void damagedHeadersAreRefusedByName() throws IOException {
    assertTrue(refused(shard("a.bin", 20240521, 1, 2, 4)).contains("begins with 20240521"));
    assertTrue(refused(shard("b.bin", 20240520, 2, 2, 4)).contains("expected version 1"));
    assertTrue(refused(shard("c.bin", 20240520, 1, 3, 4)).contains("3 tokens"));
    assertTrue(refused(shard("d.bin", 20240801, 7, 2, 4)).contains("takes 1032 bytes"));
    assertTrue(refused(shard("e.bin", 20240801, 7, -1, 4)).contains("-1 tokens"));
    Path shortFile = Files.write(folder.resolve("f.bin"), new byte[100]);
    assertTrue(refused(shortFile).contains("100 bytes"));
    Path none = folder.resolve("none");
    assertThrows(NoSuchFileException.class, () -> ShardSet.open(none, "train"));
    assertThrows(NoSuchFileException.class, () -> ShardSet.open(folder, "other"));
  }

  @Test
  void setsReadAcrossShards() throws IOException {
    shard("train-000000.bin", 20240520, 1, 5, 10);
    shard("train-000001.bin", 20240520, 1, 0, 0);
    shard("train-000002.bin", 20240520, 1, 4, 8);
    try (ShardSet set = ShardSet.open(folder, "train");
        Arena arena = Arena.ofConfined()) {
      assertEquals(9, set.size());
      int[] all = new int[11];
      set.copy(0, all, 1, 9);
      assertEquals(0, all[0]);
      MemorySegment segment = arena.allocate(7 * 4);
      set.copy(2, segment, 1, 6);
      for (int i = 0; i < 9; i++) {
        assertEquals(set.get(i), all[i + 1]);
      }
      for (int i = 0; i < 6; i++) {
        assertEquals(set.get(2 + i), segment.getAtIndex(ValueLayout.JAVA_INT, 1 + i));
      }
      assertEquals(set.get(0), set.get(5));
      assertTrue(set.get(0) > 32767, "tokens are unsigned");
      assertThrows(IndexOutOfBoundsException.class, () -> set.get(9));
      assertThrows(IndexOutOfBoundsException.class, () -> set.copy(5, all, 0, 5));
    }
  }
}
