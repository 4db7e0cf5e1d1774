package jllm.generate;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.zip.CRC32C;

/**
 * The small model that the program brings along: a Llama of three million parameters that writes in
 * the manner of Shakespeare. How it was made, the README of this module says.
 *
 * <p>Models are mapped files, and a resource of a jar is none: it is copied to the user's cache
 * when it is wanted first ({@code $XDG_CACHE_HOME/jllm} or {@code ~/.cache/jllm}; the folder for
 * temporary files where that cannot be written).
 */
public final class BundledModel {
  private static final String RESOURCE = "shakespeare-q8_0.gguf";

  private BundledModel() {}

  /**
   * The model as a file.
   *
   * @throws IOException if it can be written nowhere
   */
  public static Path path() throws IOException {
    byte[] model = read();
    try {
      return in(cache(), model);
    } catch (IOException unwritable) {
      return in(Path.of(System.getProperty("java.io.tmpdir"), "jllm"), model);
    }
  }

  /** Whether a path is one that {@link #path} gives. */
  public static boolean isBundled(Path path) {
    return path.endsWith(Path.of("jllm", String.valueOf(path.getFileName())))
        && String.valueOf(path.getFileName()).matches("[0-9a-f]{8}-" + RESOURCE);
  }

  private static byte[] read() throws IOException {
    try (InputStream in = BundledModel.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new FileNotFoundException("the bundled model is missing; name one with --model");
      }
      return in.readAllBytes();
    }
  }

  private static Path cache() {
    String named = System.getenv("XDG_CACHE_HOME");
    Path folder =
        named == null || named.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(named);
    return folder.resolve("jllm");
  }

  /** Named by its contents: another version of the program may bring another one. */
  static Path in(Path folder, byte[] model) throws IOException {
    CRC32C sum = new CRC32C();
    sum.update(model, 0, model.length);
    Path file = folder.resolve("%08x-%s".formatted(sum.getValue(), RESOURCE));
    if (Files.isRegularFile(file) && Files.size(file) == model.length) {
      return file;
    }
    Files.createDirectories(folder);
    Path written = Files.createTempFile(folder, RESOURCE, ".part");
    try {
      Files.write(written, model);
      Files.move(
          written, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(written);
    }
    return file;
  }
}
