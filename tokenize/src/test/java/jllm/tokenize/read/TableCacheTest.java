package jllm.tokenize.read;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.model.TokenTable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A table that was kept is the table that it was made from, and no file can break one. */
class TableCacheTest {
  @TempDir Path folder;

  private final byte[][] keys = new byte[1000][];
  private int made;

  private TokenTable make() {
    Random random = new Random(5);
    for (int id = 0; id < keys.length; id++) {
      keys[id] =
          id % 7 == 3
              ? new byte[0]
              : (id + "-" + random.nextInt()).getBytes(StandardCharsets.US_ASCII);
    }
    made++;
    return new TokenTable(keys);
  }

  private void assertSame(TokenTable table) {
    assertEquals(keys.length, table.size());
    assertEquals(Arrays.stream(keys).mapToInt(key -> key.length).max().orElse(0), table.longest());
    for (int id = 0; id < keys.length; id++) {
      assertArrayEquals(keys[id], table.key(id));
      assertEquals(keys[id].length, table.length(id));
      if (keys[id].length > 0) {
        assertEquals(id, table.find(keys[id]));
        assertEquals(-1, table.find(Arrays.copyOf(keys[id], keys[id].length + 1)));
      }
    }
  }

  @Test
  void aTableIsMadeOnce() {
    TableCache cache = new TableCache(folder.resolve("new").resolve("tables"));
    TokenTable first = cache.get("t", this::make);
    TokenTable second = cache.get("t", this::make);
    assertNotSame(first, second);
    assertEquals(1, made);
    assertSame(first);
    assertSame(second);
    cache.get("u", this::make);
    assertEquals(2, made);
  }

  @Test
  void damagedFilesAreMadeAgain() throws IOException {
    TableCache cache = new TableCache(folder);
    cache.get("t", this::make);
    byte[] good = Files.readAllBytes(folder.resolve("t"));
    for (int at : new int[] {0, 8, 12, 16, 20, 100, good.length / 2, good.length - 1}) {
      byte[] damaged = good.clone();
      damaged[at] ^= 4;
      Files.write(folder.resolve("t"), damaged);
      int before = made;
      assertSame(cache.get("t", this::make));
      assertEquals(before + 1, made, "byte " + at);
      assertArrayEquals(good, Files.readAllBytes(folder.resolve("t")));
    }
    for (int length : new int[] {0, 3, 8, 11, 12, 30, good.length - 1}) {
      Files.write(folder.resolve("t"), Arrays.copyOf(good, length));
      assertSame(cache.get("t", this::make));
    }
  }

  @Test
  void aFolderThatCannotBeWrittenIsDoneWithout() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertSame(new TableCache(file.resolve("x")).get("t", this::make));
  }

  @Test
  void lengthsThatDoNotFitAreRefused() {
    byte[] table = make().toBytes();
    for (int number = 0; number < 3; number++) {
      for (int change : new int[] {1, -1, 1 << 30, Integer.MIN_VALUE}) {
        byte[] other = table.clone();
        ByteBuffer ints = ByteBuffer.wrap(other).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        ints.putInt(4 * number, ints.getInt(4 * number) + change);
        assertThrows(TokenizerFormatException.class, () -> TokenTable.read(ByteBuffer.wrap(other)));
      }
    }
  }
}
