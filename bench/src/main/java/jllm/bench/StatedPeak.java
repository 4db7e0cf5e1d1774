package jllm.bench;

import jllm.tensor.Backend;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.CudaDevice;

/**
 * What NVIDIA's white papers say that devices can do in a cycle: floating-point operations of a
 * multiprocessor, two for a multiplication with addition, without sparsity. Only of the
 * architectures where all products of one kind have one figure.
 */
public final class StatedPeak {
  private StatedPeak() {}

  /**
   * Operations a second of products of many rows, in the precision of a backend: what model FLOPs
   * utilization (MFU) is a share of. NaN if not known, as of CPUs.
   */
  static double flops(Backend backend) {
    return backend instanceof CudaBackend cuda
        ? flops(cuda.device(), cuda.math().name())
        : Double.NaN;
  }

  /** The precision, for people, in which the peak of a backend is measured. */
  public static String precision(Backend backend) {
    if (!(backend instanceof CudaBackend cuda)) {
      return "float32";
    }
    return switch (cuda.math()) {
      case F32 -> "float32";
      case TF32 -> "TF32";
      case BF16 -> "BF16";
    };
  }

  /** Operations a second at the device's highest clock; NaN if not known. */
  static double flops(CudaDevice device, String precision) {
    double each = operations(device.major() * 10 + device.minor(), precision);
    return device.clock() == 0 ? Double.NaN : each * device.processors() * device.clock() * 1e3;
  }

  private static double operations(int capability, String precision) {
    return switch (capability) {
      case 80 -> // A100
          switch (precision) {
            case "F32" -> 128;
            case "TF32" -> 1024;
            default -> 2048;
          };
      case 90 -> // H100, H200
          switch (precision) {
            case "F32" -> 256;
            case "TF32" -> 2048;
            default -> 4096;
          };
      default -> Double.NaN;
    };
  }
}
