package jllm.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Models by name: the entries of a folder, each a model's file or folder, or a link to one. Whoever
 * has models lying there already can name them without adding them.
 */
final class ModelStore {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:+-]*");

  private final Path folder;

  /**
   * @param folder need not exist until something is added
   */
  ModelStore(Path folder) {
    this.folder = folder;
  }

  static ModelStore ofUser() {
    return new ModelStore(UserFolder.path().resolve("models"));
  }

  Path folder() {
    return folder;
  }

  /** The names, sorted. */
  List<String> names() throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .map(entry -> String.valueOf(entry.getFileName()))
          .filter(name -> NAME.matcher(name).matches())
          .sorted(Comparator.naturalOrder())
          .toList();
    }
  }

  /**
   * Where a model is: the path itself if there is something, or else what was added by that name.
   */
  Path resolve(Path path) {
    String name = path.toString();
    if (Files.exists(path) || !NAME.matcher(name).matches()) {
      return path;
    }
    try {
      // Its real place, since parts of a split file lie beside each other.
      return folder.resolve(name).toRealPath();
    } catch (IOException unknown) {
      return path;
    }
  }

  /**
   * Gives a file or folder a name, by a link.
   *
   * @throws UsageException if the name cannot be one
   * @throws IOException if the name is taken and {@code replace} is not set, or the model is not
   *     there
   */
  void add(String name, Path model, boolean replace) throws IOException {
    check(name);
    Path link = folder.resolve(name);
    Path target = model.toRealPath();
    if (Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
      if (!replace || !Files.isSymbolicLink(link)) {
        throw new FileAlreadyExistsException(
            name, null, "there is a model of that name already; remove it, or take another name");
      }
      Files.delete(link);
    }
    Files.createDirectories(folder);
    Files.createSymbolicLink(link, target);
  }

  /**
   * Forgets a name. What it was a link to stays.
   *
   * @throws UsageException if it is no link: files are not deleted
   * @throws NoSuchFileException if there is no such name
   */
  void remove(String name) throws IOException {
    Path link = entry(name);
    if (!Files.isSymbolicLink(link)) {
      throw new UsageException(
          link + " is the model itself, not a link to it; delete it yourself if you mean that");
    }
    Files.delete(link);
  }

  /**
   * Where the model of that name is.
   *
   * @throws NoSuchFileException if there is none, or what it leads to is gone
   */
  Path path(String name) throws IOException {
    Path link = entry(name);
    if (!Files.exists(link)) {
      throw new NoSuchFileException(
          name, null, "leads to " + Files.readSymbolicLink(link) + ", which is not there any more");
    }
    return link.toRealPath();
  }

  private Path entry(String name) throws IOException {
    check(name);
    Path link = folder.resolve(name);
    if (!Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
      List<String> names = names();
      throw new NoSuchFileException(
          name,
          null,
          "there is no model of that name; "
              + (names.isEmpty() ? "none was added" : "there are " + String.join(", ", names)));
    }
    return link;
  }

  private static void check(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new UsageException(
          "'%s' cannot be a name: expected letters, digits and . _ : + -, a letter or digit first"
              .formatted(name));
    }
  }
}
