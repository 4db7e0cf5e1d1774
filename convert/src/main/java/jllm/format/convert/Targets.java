package jllm.format.convert;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import jllm.format.PendingFolder;

/** Says beforehand why a target cannot be written. */
final class Targets {
  private Targets() {}

  static void checkFile(Path file, boolean force) throws IOException {
    checkParent(file);
    if (Files.isDirectory(file)) {
      throw new FileAlreadyExistsException(
          file.toString(), null, "is a folder, expected a file to write");
    }
    if (!force && Files.exists(file)) {
      throw exists(file);
    }
  }

  /** An empty folder is as good as none. */
  static void checkFolder(Path folder, boolean force) throws IOException {
    checkParent(folder);
    boolean empty = Files.isDirectory(folder) && PendingFolder.isEmpty(folder);
    if (Files.exists(folder) && !empty && !force) {
      throw exists(folder);
    }
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new FileAlreadyExistsException(
          folder.toString(), null, "is a file, expected a folder to write");
    }
    if (!empty && Files.isDirectory(folder) && !Files.exists(folder.resolve(Companions.CONFIG))) {
      throw new FileAlreadyExistsException(
          folder.toString(), null, "holds other things than a model; name another folder");
    }
  }

  private static void checkParent(Path path) throws IOException {
    Path parent = path.toAbsolutePath().normalize().getParent();
    if (parent == null || !Files.isDirectory(parent)) {
      throw new NoSuchFileException(path.toString(), null, "there is no folder to write it to");
    }
  }

  private static FileAlreadyExistsException exists(Path path) {
    return new FileAlreadyExistsException(
        path.toString(), null, "exists already; name another target, or replace it with --force");
  }
}
