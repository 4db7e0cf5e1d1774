package jllm.format;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A folder that appears under its name only when its files are complete: until then it is a
 * temporary one beside it.
 */
public final class PendingFolder implements AutoCloseable {
  private final Path target;
  private final Path temporary;

  private PendingFolder(Path target, Path temporary) {
    this.target = target;
    this.temporary = temporary;
  }

  /**
   * Starts a folder.
   *
   * @param names of the files that it will get, so that none of them stays if the program is
   *     interrupted
   * @throws IOException if it cannot be made there
   */
  public static PendingFolder create(Path path, List<String> names) throws IOException {
    Path target = path.toAbsolutePath().normalize();
    Path parent = target.getParent();
    if (parent == null || !Files.isDirectory(parent)) {
      throw new NoSuchFileException(path.toString(), null, "there is no folder to put it in");
    }
    if (Files.exists(target) && !Files.isDirectory(target)) {
      throw new FileAlreadyExistsException(path.toString(), null, "is a file, expected a folder");
    }
    String mark = Long.toString(ThreadLocalRandom.current().nextLong() >>> 1, 36);
    Path temporary = parent.resolve("." + target.getFileName() + "." + mark + ".part");
    temporary.toFile().deleteOnExit(); // in the reverse order: files go before their folder
    names.forEach(name -> temporary.resolve(name).toFile().deleteOnExit());
    Files.createDirectory(temporary);
    return new PendingFolder(target, temporary);
  }

  /** Where to put the files. */
  public Path path() {
    return temporary;
  }

  /**
   * Gives the folder its name. One that is there and not empty keeps its other files.
   *
   * @param stale those of the files that were there which are to go unless they were written anew
   */
  public void commit(Predicate<String> stale) throws IOException {
    if (!Files.exists(target) || isEmpty(target)) {
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      return;
    }
    Set<String> written = names(temporary);
    for (String name : names(target)) {
      if (stale.test(name) && !written.contains(name)) {
        Files.delete(target.resolve(name));
      }
    }
    for (String name : written) {
      Files.move(
          temporary.resolve(name), target.resolve(name), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** Whether there is nothing in a folder. */
  public static boolean isEmpty(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }

  private static Set<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> String.valueOf(file.getFileName())).collect(Collectors.toSet());
    }
  }

  /** Without a {@link #commit} before, nothing was written. */
  @Override
  public void close() throws IOException {
    if (Files.isDirectory(temporary)) {
      for (String name : names(temporary)) {
        Files.delete(temporary.resolve(name));
      }
      Files.delete(temporary);
    }
  }
}
