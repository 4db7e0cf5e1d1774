package jllm.tokenize.shard;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;

/** A file of tokens, mapped. Thread-safe until it is closed. */
public final class TokenShard implements AutoCloseable {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path path;
  private final ShardFormat format;
  private final Arena arena;
  private final MemorySegment tokens;
  private final int size;

  private TokenShard(Path path, ShardFormat format, Arena arena, MemorySegment tokens, int size) {
    this.path = path;
    this.format = format;
    this.arena = arena;
    this.tokens = tokens;
    this.size = size;
  }

  /**
   * Maps a shard and checks its header.
   *
   * @throws ShardFormatException if it is no shard, or shorter or longer than its header says
   */
  public static TokenShard open(Path path) throws IOException {
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long length = channel.size();
      if (length < ShardFormat.HEADER_BYTES) {
        throw new ShardFormatException(
            path
                + ": not a token shard: "
                + length
                + " bytes, but the header alone has "
                + ShardFormat.HEADER_BYTES);
      }
      MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, length, arena);
      ShardFormat format = format(path, file.get(INT, 0), file.get(INT, 4));
      int size = file.get(INT, 8);
      long expected = ShardFormat.HEADER_BYTES + (long) size * format.bytesPerToken();
      if (size < 0 || length != expected) {
        throw new ShardFormatException(
            path
                + ": the header says "
                + size
                + " tokens, which takes "
                + expected
                + " bytes, but the file has "
                + length
                + "; write it anew");
      }
      MemorySegment tokens = file.asSlice(ShardFormat.HEADER_BYTES);
      return new TokenShard(path, format, arena, tokens, size);
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  private static ShardFormat format(Path path, int magic, int version) {
    for (ShardFormat format : ShardFormat.values()) {
      if (format.magic() == magic) {
        if (format.version() != version) {
          throw new ShardFormatException(
              path
                  + ": token shard version "
                  + version
                  + "; expected version "
                  + format.version()
                  + " with magic "
                  + magic);
        }
        return format;
      }
    }
    throw new ShardFormatException(
        path
            + ": not a token shard: begins with "
            + magic
            + "; expected "
            + ShardFormat.UINT16.magic()
            + " (uint16) or "
            + ShardFormat.UINT32.magic()
            + " (uint32)");
  }

  public Path path() {
    return path;
  }

  public ShardFormat format() {
    return format;
  }

  /** The number of tokens. */
  public int size() {
    return size;
  }

  /** One token. */
  public int get(long index) {
    return format == ShardFormat.UINT16
        ? tokens.getAtIndex(SHORT, index) & 0xffff
        : tokens.getAtIndex(INT, index);
  }

  /** Copies {@code n} tokens from {@code index} on. */
  public void copy(long index, int[] target, int offset, int n) {
    Objects.checkFromIndexSize(index, n, size);
    Objects.checkFromIndexSize(offset, n, target.length);
    if (format == ShardFormat.UINT32) {
      MemorySegment.copy(tokens, INT, index * Integer.BYTES, target, offset, n);
      return;
    }
    for (int i = 0; i < n; i++) {
      target[offset + i] = tokens.getAtIndex(SHORT, index + i) & 0xffff;
    }
  }

  /** Copies {@code n} tokens from {@code index} on as native-endian int32, at an int32 index. */
  public void copy(long index, MemorySegment target, long targetIndex, int n) {
    Objects.checkFromIndexSize(index, n, size);
    for (int i = 0; i < n; i++) {
      target.setAtIndex(ValueLayout.JAVA_INT_UNALIGNED, targetIndex + i, get(index + i));
    }
  }

  /** The largest id, or -1 if there is no token: what a vocabulary is checked against. */
  public long maxId() {
    long max = -1;
    for (int i = 0; i < size; i++) {
      max = Math.max(max, Integer.toUnsignedLong(get(i)));
    }
    return max;
  }

  @Override
  public void close() {
    arena.close();
  }
}
