package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;

/**
 * The folder of the person who uses the program: {@code JLLM_HOME}, or {@code ~/.jllm}. What is said
 * in a chat is for this person alone to read.
 */
record JllmHome(Path folder) {

  /** The folder of this process's user; it need not exist. */
  static JllmHome ofUser() {
    String named = System.getenv("JLLM_HOME");
    return new JllmHome(
        named == null || named.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".jllm")
            : Path.of(named));
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

  /** The models that can be named: what lies in {@code models}. */
  List<String> modelNames() throws IOException {
    Path models = folder.resolve("models");
    if (!Files.isDirectory(models)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(models)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  /** A model by its path or name. */
  Path model(String name) {
    Path path = Path.of(expanded(name));
    Path named = folder.resolve("models").resolve(path);
    return !Files.exists(path) && Files.exists(named) ? named : path;
  }

  /** A path with the home folder for a tilde. */
  static String expanded(String path) {
    return path.equals("~") || path.startsWith("~/")
        ? System.getProperty("user.home") + path.substring(1)
        : path;
  }
}
