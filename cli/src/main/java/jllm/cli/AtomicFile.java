package jllm.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A file that appears under its name only when it is complete: written under a temporary name
 * beside it, then moved. What was there before stays until then, also if the program is interrupted
 * or the disk is full.
 */
final class AtomicFile implements AutoCloseable {
  private final Path target;
  private final Path written;
  private final OutputStream out;
  private boolean committed;

  /**
   * @throws IOException if the folder is missing or may not be written to
   */
  AtomicFile(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      throw new FileSystemException(path.toString(), null, "is a folder, expected a file to write");
    }
    // The file that a symbolic link names is replaced, not the link.
    target = Files.exists(path) ? path.toRealPath() : path.toAbsolutePath();
    Path folder = target.getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new NoSuchFileException(path.toString(), null, "there is no folder to write it to");
    }
    // A device or pipe cannot be replaced, only written to.
    boolean replaceable = !Files.exists(target) || Files.isRegularFile(target);
    written =
        replaceable
            ? folder.resolve(
                "." + target.getFileName() + "." + ProcessHandle.current().pid() + ".tmp")
            : target;
    if (replaceable) {
      written.toFile().deleteOnExit();
      out = Files.newOutputStream(written, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } else {
      out = Files.newOutputStream(written, StandardOpenOption.WRITE);
    }
  }

  /** Where to write; the caller buffers. */
  OutputStream out() {
    return out;
  }

  /** Says that the file is complete. */
  void commit() throws IOException {
    out.close();
    if (!written.equals(target)) {
      Files.move(
          written, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
    committed = true;
  }

  @Override
  public void close() throws IOException {
    out.close();
    if (!committed && !written.equals(target)) {
      Files.deleteIfExists(written);
    }
  }
}
