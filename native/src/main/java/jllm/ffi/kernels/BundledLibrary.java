package jllm.ffi.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;

/**
 * The library that was built with the program. From a jar it is copied to {@code
 * $XDG_CACHE_HOME/jllm/native} or {@code ~/.cache/jllm/native}, once, under a hash of its content.
 */
final class BundledLibrary {
  private BundledLibrary() {}

  /**
   * A file with the library for this platform.
   *
   * @throws MissingKernelsException if the program was built without, or it cannot be copied
   */
  static Path file(Map<String, String> environment) {
    String name = resource();
    URL url = BundledLibrary.class.getResource(name);
    if (url == null) {
      throw new MissingKernelsException(
          "this jllm was built without native kernels (%s): the build needs a C compiler (cc, gcc or clang)"
              .formatted(name.substring(1)));
    }
    try {
      if (url.getProtocol().equals("file")) {
        return Path.of(url.toURI());
      }
      return copy(url, cache(environment), name.substring(name.lastIndexOf('/') + 1));
    } catch (IOException | java.net.URISyntaxException e) {
      throw new MissingKernelsException("the native kernels cannot be unpacked: " + e);
    }
  }

  private static String resource() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    boolean mac = system.startsWith("mac");
    String machine = System.getProperty("os.arch");
    return "/jllm/native/%s-%s/libjllm_kernels.%s"
        .formatted(
            mac ? "macos" : system,
            machine.equals("amd64") ? "x86_64" : machine,
            mac ? "dylib" : "so");
  }

  private static Path cache(Map<String, String> environment) {
    String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
    Path base =
        cache.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
    return base.resolve("jllm").resolve("native");
  }

  /** The copy, made unless it is there already with the very content. */
  static Path copy(URL source, Path cache, String name) throws IOException {
    byte[] content;
    try (InputStream in = source.openStream()) {
      content = in.readAllBytes();
    }
    Path file = cache.resolve(hash(content)).resolve(name);
    if (Files.isRegularFile(file) && Arrays.equals(Files.readAllBytes(file), content)) {
      return file;
    }
    Files.createDirectories(file.getParent());
    Path part = Files.createTempFile(file.getParent(), name, ".part");
    try {
      Files.write(part, content);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(part);
    }
    return file;
  }

  private static String hash(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content), 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // Every JDK has SHA-256.
    }
  }
}
