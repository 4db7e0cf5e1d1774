package jllm.tokenize.shard;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Writes the shards of one split under temporary names; {@link #publish} gives them their own, and
 * without it {@link #close} removes them.
 */
final class ShardWriter implements AutoCloseable {

  /**
   * A finished shard.
   *
   * @param file its name in the folder
   */
  record Shard(String file, int tokens) {}

  private final Path folder;
  private final String split;
  private final ShardFormat format;
  private final int shardTokens;
  private final List<Shard> shards = new ArrayList<>();
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
  private @Nullable FileChannel channel;
  private int tokens;
  private long total;

  ShardWriter(Path folder, String split, ShardFormat format, int shardTokens) {
    this.folder = folder;
    this.split = split;
    this.format = format;
    this.shardTokens = shardTokens;
  }

  long total() {
    return total;
  }

  List<Shard> shards() {
    return List.copyOf(shards);
  }

  void write(int token) throws IOException {
    FileChannel out = channel == null || tokens == shardTokens ? roll() : channel;
    if (buffer.remaining() < Integer.BYTES) {
      drain(out);
    }
    if (format == ShardFormat.UINT16) {
      buffer.putShort((short) token);
    } else {
      buffer.putInt(token);
    }
    tokens++;
    total++;
  }

  void write(int[] ids, int from, int to) throws IOException {
    for (int i = from; i < to; i++) {
      write(ids[i]);
    }
  }

  /** Ends the last shard. */
  void finish() throws IOException {
    FileChannel out = channel;
    if (out != null) {
      drain(out);
      ByteBuffer header = format.header(tokens);
      while (header.hasRemaining()) {
        out.write(header, header.position());
      }
      out.close();
      channel = null;
      shards.add(new Shard(name(shards.size()), tokens));
    }
  }

  /** Gives the finished shards their names. */
  void publish() throws IOException {
    for (Shard shard : shards) {
      Files.move(
          temporary(shard.file()),
          folder.resolve(shard.file()),
          StandardCopyOption.REPLACE_EXISTING,
          StandardCopyOption.ATOMIC_MOVE);
    }
  }

  @Override
  public void close() throws IOException {
    if (channel != null) {
      channel.close();
      channel = null;
    }
    for (int i = 0; i <= shards.size(); i++) {
      Files.deleteIfExists(temporary(name(i)));
    }
  }

  private FileChannel roll() throws IOException {
    finish();
    Path file = temporary(name(shards.size()));
    file.toFile().deleteOnExit(); // should the program be interrupted while it waits for a pipe
    FileChannel out =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE);
    channel = out;
    tokens = 0;
    buffer.clear();
    buffer.put(format.header(0));
    return out;
  }

  private void drain(FileChannel out) throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      out.write(buffer);
    }
    buffer.clear();
  }

  private String name(int index) {
    return String.format(Locale.ROOT, "%s-%06d.bin", split, index);
  }

  private Path temporary(String name) {
    return folder.resolve("." + name + ".part");
  }
}
