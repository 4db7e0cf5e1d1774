package jllm.tensor.cpu;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.scalar.ScalarBackend;

/**
 * The sets of kernels for the CPU. One is chosen once, when a program starts; the reason is logged.
 */
public enum CpuKernels {
  /** The fastest that this machine and JVM have. */
  AUTO,
  /** The Vector API, at the width of the machine. */
  VECTOR,
  /** The oracle: plain loops on one thread, slow, to compare with. */
  SCALAR;

  private static final Logger LOG = System.getLogger(CpuKernels.class.getName());
  private static final String MODULE = "jdk.incubator.vector";

  /** The set that {@link #AUTO} stands for here; every other one is itself. */
  public CpuKernels choose() {
    return this == AUTO ? Best.KERNELS : this;
  }

  /** Chosen, and logged, at first use. */
  private static final class Best {
    static final CpuKernels KERNELS = choose();

    private static CpuKernels choose() {
      if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
        LOG.log(
            Level.WARNING,
            "slow scalar kernels: the JVM was started without --add-modules {0}",
            MODULE);
        return SCALAR;
      }
      LOG.log(
          Level.DEBUG,
          "vector kernels: the JVM has the Vector API, {0} bits wide on this CPU",
          Lanes.BITS);
      return VECTOR;
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
   */
  public Backend open(int threads) {
    return switch (choose()) {
      case SCALAR -> new ScalarBackend(DType.F32);
      case VECTOR, AUTO -> new VectorBackend(threads(threads));
    };
  }

  /** The set and its width, for people, such as {@code vector (512-bit)}. */
  public String describe() {
    return choose() == SCALAR ? "scalar" : "vector (" + Lanes.BITS + "-bit)";
  }
}
