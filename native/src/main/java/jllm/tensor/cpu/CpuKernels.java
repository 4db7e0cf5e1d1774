package jllm.tensor.cpu;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Optional;
import jllm.ffi.kernels.KernelLibrary;
import jllm.ffi.kernels.MissingKernelsException;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.scalar.ScalarBackend;
import org.jspecify.annotations.Nullable;

/**
 * The sets of kernels for the CPU. One is chosen once, when a program starts; the reason is logged.
 */
public enum CpuKernels {
  /** The fastest that this machine and JVM have. */
  AUTO,
  /** The library of kernels in C for products, the Vector API for the rest. */
  NATIVE,
  /** The Vector API alone, at the width of the machine. */
  VECTOR,
  /** The oracle: plain loops on one thread, slow, to compare with. */
  SCALAR;

  private static final Logger LOG = System.getLogger(CpuKernels.class.getName());
  private static final String MODULE = "jdk.incubator.vector";

  /** What {@link #AUTO} stands for, so that all tests can run with each set. */
  private static final String PROPERTY = "jllm.cpu.kernels";

  /** The set that {@link #AUTO} stands for here; every other one is itself. */
  public CpuKernels choose() {
    return this == AUTO ? Best.KERNELS : this;
  }

  /** Why there are no native kernels here; empty if there are. */
  public static Optional<String> nativeMissing() {
    return Native.MISSING;
  }

  /** Chosen, and logged, at first use. */
  private static final class Best {
    static final CpuKernels KERNELS = choose();

    private static CpuKernels choose() {
      String given = System.getProperty(PROPERTY);
      if (given != null) {
        return CpuKernels.valueOf(given);
      }
      if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
        LOG.log(
            Level.WARNING,
            "slow scalar kernels: the JVM was started without --add-modules {0}",
            MODULE);
        return SCALAR;
      }
      if (Native.MISSING.isPresent()) {
        LOG.log(Level.DEBUG, "no native kernels: {0}", Native.MISSING.get());
        LOG.log(
            Level.DEBUG,
            "vector kernels: the JVM has the Vector API, {0} bits wide on this CPU",
            Lanes.BITS);
        return VECTOR;
      }
      LOG.log(
          Level.DEBUG,
          "native kernels: {0} from {1}",
          Native.library().best().title(),
          Native.library().file());
      return NATIVE;
    }
  }

  /** Loaded at first use. */
  private static final class Native {
    private static @Nullable KernelLibrary library;
    static final Optional<String> MISSING = load();

    private static Optional<String> load() {
      try {
        library = KernelLibrary.open(System.getenv());
        return Optional.empty();
      } catch (MissingKernelsException e) {
        return Optional.of(String.valueOf(e.getMessage()));
      }
    }

    /**
     * The library.
     *
     * @throws MissingKernelsException if there is none
     */
    static KernelLibrary library() {
      KernelLibrary loaded = library;
      return loaded == null ? KernelLibrary.open(System.getenv()) : loaded;
    }
  }

  /**
   * The threads that a backend of this set computes with when {@code wanted} are asked for; 0 = one
   * a physical core.
   */
  public int threads(int wanted) {
    if (choose() == SCALAR) {
      return 1;
    }
    return wanted > 0 ? wanted : PhysicalCores.count();
  }

  /**
   * A backend of this set.
   *
   * @param threads that compute, 0 = one for each physical core
   * @throws MissingKernelsException if native kernels are asked for and there are none
   */
  public Backend open(int threads) {
    return switch (choose()) {
      case SCALAR -> new ScalarBackend(DType.F32);
      case NATIVE -> new VectorBackend(threads(threads), Native.library());
      case VECTOR, AUTO -> new VectorBackend(threads(threads));
    };
  }

  /** The set and its width, for people, such as {@code vector (512-bit)}. */
  public String describe() {
    return switch (choose()) {
      case SCALAR -> "scalar";
      case NATIVE -> "native (" + title(Native.library()) + ")";
      case VECTOR, AUTO -> "vector (" + Lanes.BITS + "-bit)";
    };
  }

  private static String title(KernelLibrary library) {
    String best = library.best().title();
    return library.refused().isEmpty() ? best : best + "; " + library.refused();
  }
}
