package jllm.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.DeviceUnavailableException;
import jllm.tensor.cuda.MatrixMath;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * A device for tests: a real one where there is one; else libraries that are built from {@code
 * native/src/test/c/cuda-host} and run the very kernels on the host, slowly. Without a compiler for
 * these, tests are skipped, and say why.
 */
public final class TestDevice {
  private static final Path BUILD = Path.of("../native/src/test/c/cuda-host/build");
  private static final int BUILD_MINUTES = 5;
  private static @Nullable TestDevice shared;
  private static @Nullable CudaBackend rounding;

  private final Map<String, String> environment;
  private final @Nullable CudaBackend backend;
  private final String reason;
  private final boolean real;

  private TestDevice(
      Map<String, String> environment, @Nullable CudaBackend backend, String reason, boolean real) {
    this.environment = environment;
    this.backend = backend;
    this.reason = reason;
    this.real = real;
  }

  private static synchronized TestDevice shared() {
    if (shared == null) {
      shared = open();
    }
    return shared;
  }

  /** The one backend of all tests: to open one for each would take most of their time. */
  public static CudaBackend backend() {
    TestDevice device = shared();
    if (device.backend == null) {
      System.err.println("CUDA tests are skipped: " + device.reason);
      Assumptions.abort(device.reason);
      throw new IllegalStateException();
    }
    return device.backend;
  }

  /** The one backend of all tests that multiplies in BF16. */
  public static synchronized CudaBackend rounding() {
    if (rounding == null) {
      rounding = CudaBackend.open(0, MatrixMath.BF16, environment());
    }
    return rounding;
  }

  /** Environment variables with which a backend of its own can be opened. */
  public static Map<String, String> environment() {
    backend();
    return shared().environment;
  }

  /** Whether kernels run on a real device, in which case tests can do more work. */
  public static boolean isReal() {
    backend();
    return shared().real;
  }

  private static TestDevice open() {
    Map<String, String> environment = new HashMap<>(System.getenv());
    environment.put("XDG_CACHE_HOME", Path.of("target", "cuda-cache").toAbsolutePath().toString());
    String none;
    try {
      CudaBackend backend = CudaBackend.open(0, MatrixMath.F32, environment);
      boolean real = !backend.device().name().contains("host");
      return new TestDevice(environment, backend, "", real);
    } catch (DeviceUnavailableException e) {
      none = String.valueOf(e.getMessage());
    }
    try {
      environment.put("JLLM_CUDA_LIBS", build());
      return new TestDevice(
          environment, CudaBackend.open(0, MatrixMath.F32, environment), "", false);
    } catch (IOException | DeviceUnavailableException e) {
      return new TestDevice(
          environment, null, none + "; and no device in its place: " + e.getMessage(), false);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new TestDevice(environment, null, "interrupted", false);
    }
  }

  /** Builds the libraries, and returns their folder. */
  private static String build() throws IOException, InterruptedException {
    Path target = Path.of("target").toAbsolutePath();
    Files.createDirectories(target);
    Path errors = target.resolve("cuda-host.log");
    Process process =
        new ProcessBuilder("sh", BUILD.toString(), target.resolve("cuda-host").toString())
            .redirectError(errors.toFile())
            .start();
    String folder = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(BUILD_MINUTES, TimeUnit.MINUTES) || process.exitValue() != 0) {
      throw new IOException(Files.readString(errors).strip());
    }
    return folder.strip();
  }
}
