package jllm.tokenize.read;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Supplier;
import java.util.zip.CRC32C;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.model.TokenTable;

/**
 * Keeps the tables of built-in tokenizers in the form that they have in memory: to make one from
 * base64 takes longer than all else that encoding a short text does. A file that cannot be read or
 * is damaged is made again, one that cannot be written is done without. A file is magic, the table,
 * and the CRC-32C of the table.
 *
 * @param folder need not exist
 */
record TableCache(Path folder) {
  private static final long MAGIC = 0x31656c626174766aL;

  /** The folder {@code tables} in {@code $XDG_CACHE_HOME/jllm} or {@code ~/.cache/jllm}. */
  static TableCache ofUser() {
    String named = System.getenv("XDG_CACHE_HOME");
    Path caches =
        named == null || named.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(named);
    return new TableCache(caches.resolve("jllm").resolve("tables"));
  }

  /**
   * The table of a name.
   *
   * @param name of what never changes
   */
  TokenTable get(String name, Supplier<TokenTable> source) {
    Path file = folder.resolve(name);
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
      int end = bytes.limit() - Integer.BYTES;
      if (end >= Long.BYTES
          && bytes.getLong(0) == MAGIC
          && bytes.getInt(end) == sum(bytes.array(), Long.BYTES, end)) {
        return TokenTable.read(bytes.position(Long.BYTES).limit(end).slice());
      }
    } catch (IOException | TokenizerFormatException unusable) {
      // It is made again.
    }
    TokenTable table = source.get();
    try {
      write(file, table.toBytes());
    } catch (IOException | UnsupportedOperationException unwritable) {
      // The next one to ask waits as long.
    }
    return table;
  }

  private void write(Path file, byte[] table) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES + table.length + Integer.BYTES);
    bytes.putLong(MAGIC).put(table).putInt(sum(table, 0, table.length));
    Files.createDirectories(folder);
    Path written = Files.createTempFile(folder, "table", ".part");
    try {
      Files.write(written, bytes.array());
      Files.move(
          written, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(written);
    }
  }

  private static int sum(byte[] bytes, int from, int to) {
    CRC32C sum = new CRC32C();
    sum.update(bytes, from, to - from);
    return (int) sum.getValue();
  }
}
