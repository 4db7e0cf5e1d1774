package jllm.format;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A file of a model that appears under its name only when it is complete: until then it is a
 * temporary one beside it, and what was there before stays.
 */
public final class PendingFile implements AutoCloseable {
  /** A write of more is split: buffers count in ints, and the listener wants to know. */
  private static final long MAX_WRITE = 32 << 20;

  private final Path target;
  private final Path temporary;
  private final FileChannel channel;
  private WriteListener listener = WriteListener.NONE;
  private boolean committed;

  private PendingFile(Path target, Path temporary, FileChannel channel) {
    this.target = target;
    this.temporary = temporary;
    this.channel = channel;
  }

  /**
   * Starts a file. A link is followed, so that the file it leads to is replaced and not the link.
   *
   * @throws IOException if the file cannot be written there
   */
  public static PendingFile create(Path path) throws IOException {
    Path target = Files.isSymbolicLink(path) ? path.toRealPath() : path;
    Path folder = target.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new NoSuchFileException(target.toString(), null, "there is no such folder");
    }
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      throw new FileSystemException(target.toString(), null, "exists and is no regular file");
    }
    String mark = Long.toString(ThreadLocalRandom.current().nextLong() >>> 1, 36);
    Path temporary = target.resolveSibling(target.getFileName() + "." + mark + ".part");
    FileChannel channel =
        FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    temporary.toFile().deleteOnExit(); // should the program be interrupted
    return new PendingFile(target, temporary, channel);
  }

  /** The name that the file will have. */
  public Path target() {
    return target;
  }

  /** Tells the listener of what {@link #write(MemorySegment)} writes. */
  public void listen(WriteListener newListener) {
    listener = newListener;
  }

  /** Writes all that is left of a buffer. */
  public void write(ByteBuffer buffer) throws IOException {
    try {
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    } catch (IOException e) {
      FileSystemException named = new FileSystemException(target.toString(), null, e.getMessage());
      named.initCause(e);
      throw named;
    }
  }

  /** Writes memory of any size. */
  public void write(MemorySegment data) throws IOException {
    for (long done = 0; done < data.byteSize(); done += MAX_WRITE) {
      long bytes = Math.min(MAX_WRITE, data.byteSize() - done);
      write(data.asSlice(done, bytes).asByteBuffer());
      listener.onBytes(bytes);
    }
  }

  /**
   * Gives the file its name.
   *
   * @param durable whether it must be on the disk by then; one that replaces another always is, or
   *     a power failure could lose both
   */
  public void commit(boolean durable) throws IOException {
    if (durable || Files.exists(target)) {
      channel.force(true);
    }
    channel.close();
    try {
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
    }
    committed = true;
  }

  /** Without a {@link #commit} before, nothing was written. */
  @Override
  public void close() throws IOException {
    if (!committed) {
      channel.close();
      Files.deleteIfExists(temporary);
    }
  }
}
