package jllm.cli;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import jllm.tensor.Backend;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.MachineLimits;
import jllm.tensor.cpu.Workers;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.CudaDevice;
import jllm.tensor.cuda.CudaLimits;
import jllm.tensor.cuda.DeviceUnavailableException;
import jllm.tensor.cuda.MatrixMath;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What computes. */
final class ComputeOptions {
  private static final Logger LOG = System.getLogger(ComputeOptions.class.getName());
  private static final int MOST_THREADS = 1024;
  private static final String CUDA = "cuda";

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "${env:JLLM_DEVICE:-auto}",
      description =
          "cpu, cuda (an NVIDIA GPU; cuda:1 is the second one), or auto: a GPU if there is one (-v"
              + " says why not). Default: ${DEFAULT-VALUE} (JLLM_DEVICE sets it).")
  private String device = "auto";

  @Option(
      names = "--tf32",
      description =
          "On a GPU: matrix products with operands rounded to 10 bits of fraction, several times as"
              + " fast.")
  private boolean tf32;

  @Option(
      names = "--bf16",
      description =
          "On a GPU: matrix products of more than a few rows with operands rounded to bfloat16,"
              + " twice as fast again.")
  private boolean bf16;

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Threads that compute; 0 = one for each physical core. Default: ${DEFAULT-VALUE}.")
  private int threads;

  @Option(
      names = "--cpu-kernels",
      paramLabel = "SET",
      defaultValue = "auto",
      description =
          "native (C, where the program was built with it), vector (Java), scalar (slow and plain,"
              + " to compare with), or auto: the first of them that works here (-v says why)."
              + " Default: ${DEFAULT-VALUE}.")
  private CpuKernels kernels = CpuKernels.AUTO;

  /** Checks the ranges of all options. */
  void check() {
    Range.check("--threads", threads, 0, MOST_THREADS);
    boolean cuda = device.equals(CUDA) || device.matches("cuda:[0-9]{1,3}");
    if (!cuda && !device.equals("cpu") && !device.equals("auto")) {
      throw new UsageException(
          "--device is '" + device + "', expected cpu, cuda, cuda:NUMBER or auto");
    }
    if (cuda && kernels != CpuKernels.AUTO) {
      throw new UsageException("--cpu-kernels is for the CPU; leave it out with --device cuda");
    }
    if (math() != MatrixMath.F32 && (device.equals("cpu") || kernels != CpuKernels.AUTO)) {
      throw new UsageException(mathOption() + " is for GPUs; leave it out, or use --device cuda");
    }
    if (tf32 && bf16) {
      throw new UsageException("--tf32 and --bf16 are two ways to round operands; choose one");
    }
  }

  /** Threads that compute, the machine's own number if none was given. */
  int threadCount() {
    return kernels.threads(threads);
  }

  /**
   * Starts what computes.
   *
   * @throws DeviceUnavailableException if a device was asked for and cannot be used
   */
  Backend backend() {
    if (mustUseGpu()) {
      int colon = device.indexOf(':');
      int index = colon < 0 ? 0 : Integer.parseInt(device.substring(colon + 1));
      return CudaBackend.open(index, math(), System.getenv());
    }
    // Who chooses kernels of the CPU means the CPU.
    Backend gpu = device.equals("auto") && kernels == CpuKernels.AUTO ? gpu() : null;
    return gpu == null ? cpu() : gpu;
  }

  /** The CPU's backend, whatever the device. */
  Backend cpu() {
    return kernels.open(threads);
  }

  /** Whether a GPU was asked for by name. */
  boolean mustUseGpu() {
    return device.startsWith(CUDA);
  }

  private @Nullable Backend gpu() {
    try {
      CudaDevice.list(System.getenv());
    } catch (DeviceUnavailableException e) {
      LOG.log(Level.DEBUG, "no GPU: {0}", e.getMessage());
      refuseMath(e);
      return null;
    }
    try {
      return CudaBackend.open(0, math(), System.getenv());
    } catch (DeviceUnavailableException e) {
      LOG.log(Level.WARNING, "the GPU is not used: {0}", e.getMessage());
      refuseMath(e);
      return null;
    }
  }

  private void refuseMath(DeviceUnavailableException reason) {
    if (math() != MatrixMath.F32) {
      throw new UsageException(
          mathOption() + " is for GPUs, and none can be used: " + reason.getMessage());
    }
  }

  private MatrixMath math() {
    return tf32 ? MatrixMath.TF32 : bf16 ? MatrixMath.BF16 : MatrixMath.F32;
  }

  private String mathOption() {
    return tf32 ? "--tf32" : "--bf16";
  }

  /** What the device of a backend can do at best, measured in a second or two. */
  MachineLimits limits(Backend backend) {
    if (backend instanceof CudaBackend cuda) {
      return CudaLimits.measure(cuda);
    }
    try (Workers team = new Workers(threadCount())) {
      return MachineLimits.measure(team);
    }
  }

  /** {@link MachineLimits#flops} of {@link #limits}, which takes half the time to measure. */
  double peakFlops(Backend backend) {
    if (backend instanceof CudaBackend cuda) {
      return CudaLimits.measure(cuda).flops();
    }
    try (Workers team = new Workers(threadCount())) {
      return MachineLimits.measureFlops(team);
    }
  }
}
