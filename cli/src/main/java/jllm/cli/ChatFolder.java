package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * Where chats keep what they remember. It is for the person who said it alone to read.
 *
 * @param folder need not exist
 */
record ChatFolder(Path folder) {
  static ChatFolder ofUser() {
    return new ChatFolder(UserFolder.path());
  }

  /** What was typed in chats. */
  Path history() {
    return folder.resolve("history");
  }

  /** The last talk. */
  Path lastSession() {
    return folder.resolve("sessions").resolve("last.json");
  }

  /** Makes the folder of a file. */
  static void makeFolder(Path file) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null && !Files.isDirectory(folder)) {
      Files.createDirectories(folder, forOwner(folder, "rwx------"));
    }
  }

  /** Permissions of a new file or folder, where the system has such. */
  static FileAttribute<?>[] forOwner(Path path, String permissions) {
    return path.getFileSystem().supportedFileAttributeViews().contains("posix")
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
        }
        : new FileAttribute<?>[0];
  }

  /** The models that have names. */
  ModelStore models() {
    return new ModelStore(folder.resolve("models"));
  }

  /**
   * The path that a person typed, perhaps with a tilde for the home folder.
   *
   * @throws UsageException if there can be no such file
   */
  static Path typed(String path) {
    boolean atHome = path.equals("~") || path.startsWith("~/");
    try {
      return Path.of(atHome ? System.getProperty("user.home") + path.substring(1) : path);
    } catch (InvalidPathException e) {
      throw new UsageException("'" + path + "' cannot be the name of a file: " + e.getReason());
    }
  }
}
