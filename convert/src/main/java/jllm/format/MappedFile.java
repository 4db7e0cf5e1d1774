package jllm.format;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file that is read by mapping parts of it, each with a lifetime of its own: unmapping one lets
 * its pages go while the others stay.
 */
public final class MappedFile implements AutoCloseable {
  private final Path path;
  private final FileChannel channel;
  private final long size;

  private MappedFile(Path path, FileChannel channel, long size) {
    this.path = path;
    this.channel = channel;
    this.size = size;
  }

  /**
   * Opens a file for reading.
   *
   * @throws IOException if there is none, it is a folder, or it may not be read
   */
  public static MappedFile open(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such file");
    }
    if (Files.isDirectory(path)) {
      throw new FileSystemException(path.toString(), null, "is a folder, expected a file");
    }
    if (!Files.isReadable(path)) {
      throw new AccessDeniedException(
          path.toString(), null, "may not be read; see its permissions");
    }
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
    boolean opened = false;
    try {
      MappedFile file = new MappedFile(path, channel, channel.size());
      opened = true;
      return file;
    } finally {
      if (!opened) {
        channel.close();
      }
    }
  }

  public Path path() {
    return path;
  }

  /** Bytes in the file when it was opened. */
  public long size() {
    return size;
  }

  /** The bytes from {@code offset} on, read-only, until the arena is closed. */
  public MemorySegment map(long offset, long bytes, Arena arena) throws IOException {
    if (offset < 0 || bytes < 0 || offset > size - bytes) {
      throw new IndexOutOfBoundsException(
          path + ": bytes " + offset + "..+" + bytes + " of " + size);
    }
    return channel.map(MapMode.READ_ONLY, offset, bytes, arena);
  }

  /** Parts that are mapped stay so. */
  @Override
  public void close() throws IOException {
    channel.close();
  }
}
