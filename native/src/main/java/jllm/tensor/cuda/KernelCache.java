package jllm.tensor.cuda;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Compiled kernels on disk, named by a hash of their source, the compiler's options, the device and
 * its driver: what changes any of these is compiled anew. A cache that cannot be written costs
 * time, nothing else.
 */
final class KernelCache {
  private static final Logger LOG = System.getLogger(KernelCache.class.getName());

  private final Path folder;

  KernelCache(Path folder) {
    this.folder = folder;
  }

  /** {@code $XDG_CACHE_HOME/jllm/kernels}, or {@code ~/.cache/jllm/kernels}. */
  static KernelCache usual(Map<String, String> environment) {
    String cache = environment.get("XDG_CACHE_HOME");
    Path base =
        cache != null && !cache.isEmpty()
            ? Path.of(cache)
            : Path.of(System.getProperty("user.home"), ".cache");
    return new KernelCache(base.resolve("jllm").resolve("kernels"));
  }

  /** The file name of a piece of code. */
  static String key(String source, List<String> options, CudaDevice device) {
    try {
      MessageDigest hash = MessageDigest.getInstance("SHA-256");
      String all = String.join("\n", device.name(), device.driver(), options.toString(), source);
      byte[] digest = hash.digest(all.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 20) + ".cubin";
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // Every JDK has SHA-256.
    }
  }

  /** What was put under a key, null if nothing was. */
  byte @Nullable [] find(String key) {
    try {
      return Files.readAllBytes(folder.resolve(key));
    } catch (NoSuchFileException e) {
      return null;
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "compiled kernels cannot be read: {0}", e.toString());
      return null;
    }
  }

  /** Makes code, and keeps it. */
  byte[] put(String key, Supplier<byte[]> compiler) {
    byte[] code = compiler.get();
    try {
      Files.createDirectories(folder);
      Path part = Files.createTempFile(folder, key, ".part");
      try {
        Files.write(part, code);
        Files.move(
            part,
            folder.resolve(key),
            StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "compiled kernels are not kept: {0}", e.toString());
    }
    return code;
  }
}
