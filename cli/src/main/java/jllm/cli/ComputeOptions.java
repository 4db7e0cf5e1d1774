package jllm.cli;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Locale;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.MachineLimits;
import jllm.tensor.cpu.Workers;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.CudaDevice;
import jllm.tensor.cuda.CudaLimits;
import jllm.tensor.cuda.DeviceUnavailableException;
import jllm.tensor.cuda.MatrixMath;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** What computes. */
final class ComputeOptions {
  private static final Logger LOG = System.getLogger(ComputeOptions.class.getName());
  private static final int MOST_THREADS = 1024;
  private static final String CUDA = "cuda";
  private static final String DTYPE = "--dtype";

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "${env:JLLM_DEVICE:-auto}",
      description =
          "cpu, cuda (an NVIDIA GPU; cuda:1 is the second one), or auto: a GPU if there is one (-v"
              + " says why not). Default: ${DEFAULT-VALUE} (JLLM_DEVICE sets it).")
  private String device = "auto";

  @Option(
      names = DTYPE,
      paramLabel = "f32|tf32|bf16",
      converter = MathConverter.class,
      description =
          "How numbers are rounded before they are multiplied in matrices; sums are float32. On GPUs:"
              + " f32 (not at all), tf32 (to 10 bits of fraction), bf16 (to bfloat16, the default)."
              + " On the CPU in training: f32 (the default) or bf16, elsewhere as the weights are"
              + " stored. In training with bf16 the model computes with rounded matrices, of which"
              + " the optimizer keeps float32.")
  private @Nullable MatrixMath dtype;

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

  /** Why no GPU is used where one might be; empty if none was looked for. */
  private String gpuMissing = "";

  static final class MathConverter implements ITypeConverter<MatrixMath> {
    @Override
    public MatrixMath convert(String text) {
      return switch (text.toLowerCase(Locale.ROOT)) {
        case "f32", "float32" -> MatrixMath.F32;
        case "tf32" -> MatrixMath.TF32;
        case "bf16", "bfloat16" -> MatrixMath.BF16;
        default ->
            throw new TypeConversionException(
                "'" + text + "' is no type to compute with, expected f32, tf32 or bf16");
      };
    }
  }

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
  }

  /** Threads that compute, the machine's own number if none was given. */
  int threadCount() {
    return kernels.threads(threads);
  }

  /**
   * Starts what computes with a model.
   *
   * @throws DeviceUnavailableException if a device was asked for and cannot be used
   */
  Backend backend() {
    CudaBackend gpu = gpu(dtype == null ? MatrixMath.BF16 : dtype);
    if (gpu == null && dtype != null) {
      throw new UsageException(
          DTYPE
              + " is for GPUs and for training, and the CPU computes here, as the type of the weights"
              + " says; "
              + remedy("leave it out"));
    }
    return gpu == null ? cpu() : gpu;
  }

  /**
   * Starts what trains a model.
   *
   * @param before type of the matrices that the run has until now, which is kept if no other is
   *     asked for; absent at its beginning
   * @throws DeviceUnavailableException if a device was asked for and cannot be used
   */
  Backend trainingBackend(@Nullable DType before) {
    boolean rounded = before == DType.BF16;
    if (dtype == null && before != null) {
      dtype = rounded ? MatrixMath.BF16 : MatrixMath.F32;
    }
    if (before != null && rounded != (dtype == MatrixMath.BF16)) {
      throw new UsageException(
          DTYPE + " cannot change in a run; it began with " + (rounded ? "bf16" : "f32 or tf32"));
    }
    CudaBackend gpu = gpu(dtype == null ? MatrixMath.BF16 : dtype);
    if (gpu == null && dtype == MatrixMath.TF32) {
      throw new UsageException(
          DTYPE + " tf32 is how GPUs round, and the CPU trains here; " + remedy("use f32 or bf16"));
    }
    return gpu == null ? cpu() : gpu;
  }

  /**
   * The type of the matrices that a model in training computes with.
   *
   * @param backend of {@link #trainingBackend}
   */
  DType weightType(Backend backend) {
    MatrixMath math = backend instanceof CudaBackend cuda ? cuda.math() : dtype;
    return math == MatrixMath.BF16 ? DType.BF16 : DType.F32;
  }

  /** The CPU's backend, whatever the device. */
  Backend cpu() {
    return kernels.open(threads);
  }

  /** Whether a GPU was asked for by name. */
  boolean mustUseGpu() {
    return device.startsWith(CUDA);
  }

  private String remedy(String without) {
    return gpuMissing.isEmpty()
        ? without + ", or use --device cuda"
        : without + " (no GPU can be used: " + gpuMissing + ")";
  }

  /** The GPU that is to be used; null if there is none and need not be. */
  private @Nullable CudaBackend gpu(MatrixMath math) {
    if (mustUseGpu()) {
      int colon = device.indexOf(':');
      int index = colon < 0 ? 0 : Integer.parseInt(device.substring(colon + 1));
      return CudaBackend.open(index, math, System.getenv());
    }
    // Who chooses kernels of the CPU means the CPU.
    if (!device.equals("auto") || kernels != CpuKernels.AUTO) {
      return null;
    }
    try {
      CudaDevice.list(System.getenv());
    } catch (DeviceUnavailableException e) {
      LOG.log(Level.DEBUG, "no GPU: {0}", e.getMessage());
      gpuMissing = String.valueOf(e.getMessage());
      return null;
    }
    try {
      return CudaBackend.open(0, math, System.getenv());
    } catch (DeviceUnavailableException e) {
      LOG.log(Level.WARNING, "the GPU is not used: {0}", e.getMessage());
      gpuMissing = String.valueOf(e.getMessage());
      return null;
    }
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
