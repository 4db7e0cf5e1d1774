package jllm.tensor.cuda;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import jllm.ffi.cuda.CudaException;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/**
 * Whether a device's matrix products compute GELU and its derivative as our kernels do: what is
 * asked once, with a small problem, before these products are used.
 */
final class GeluCheck {
  private static final Logger LOG = System.getLogger(GeluCheck.class.getName());

  /** Norm of the difference over the norm: what operands of 8 bits of precision allow. */
  private static final double MOST_ERROR = 2e-2;

  private static final long SEED = 1;
  private static final int ROWS = 48;
  private static final int INPUTS = 64;
  private static final int OUTPUTS = 96;

  private final Gpu gpu;
  private final Products products;
  private final ActivatedProducts activated;
  private @Nullable Boolean trusted;

  GeluCheck(Gpu gpu, Products products, ActivatedProducts activated) {
    this.gpu = gpu;
    this.products = products;
    this.activated = activated;
  }

  boolean trusts() {
    if (trusted == null) {
      trusted = agrees();
    }
    return trusted;
  }

  private boolean agrees() {
    String reason;
    try (Memory memory = new DeviceMemory(gpu);
        Arena arena = Arena.ofConfined()) {
      double error = new Problem(memory, arena).error();
      if (error <= MOST_ERROR) {
        return true;
      }
      reason = "the relative error is %.2g, at most %.2g is expected".formatted(error, MOST_ERROR);
    } catch (CudaException e) {
      reason = String.valueOf(e.getMessage());
    }
    LOG.log(
        Level.WARNING,
        "CUDA device {0} ({1}): GELU within the products of cuBLASLt is not used: {2}; kernels of"
            + " its own are, which take longer. Please report this with the name of the device and"
            + " the version of cuBLASLt.",
        gpu.device().index(),
        gpu.device().name(),
        reason);
    return false;
  }

  /** Random operands, and what both ways make of them. */
  private final class Problem {
    private final Memory memory;
    private final Arena arena;
    private final SplittableRandom random = new SplittableRandom(SEED);

    Problem(Memory memory, Arena arena) {
      this.memory = memory;
      this.arena = arena;
    }

    /** The greatest of all results; 0 of those that the library has no algorithm for. */
    double error() {
      Tensor x = rounded(ROWS, INPUTS);
      Tensor w = rounded(OUTPUTS, INPUTS);
      Tensor bias = normal(1, OUTPUTS).reshape(OUTPUTS);
      Tensor before = memory.tensor(DType.F32, Shape.of(ROWS, OUTPUTS));
      Tensor out = memory.tensor(DType.F32, Shape.of(ROWS, OUTPUTS));
      products.linear(before, x, w, bias);
      gpu.kernel(KernelSource.ELEMENTWISE, "activate")
          .tensors(out, before)
          .ints(Activation.GELU_TANH.ordinal())
          .eachOf(out.shape().elements());
      Tensor found = memory.tensor(DType.BF16, Shape.of(ROWS, OUTPUTS));
      Tensor kept = memory.tensor(DType.BF16, Shape.of(ROWS, OUTPUTS));
      double error = 0;
      if (activated.multiply(found, x, w, bias, kept)) {
        error = Math.max(error(out, found), error(before, kept)); // not a number stays so
      }
      if (activated.multiply(found, x, w, bias, null)) {
        error = Math.max(error, error(out, found));
      }
      products.round(Gpu.address(kept), Gpu.address(before), ROWS, OUTPUTS, OUTPUTS);
      return Math.max(error, derivative(kept));
    }

    private double derivative(Tensor before) {
      Tensor w = rounded(INPUTS, OUTPUTS);
      Tensor expected = memory.tensor(DType.BF16, Shape.of(ROWS, OUTPUTS));
      Tensor found = memory.tensor(DType.BF16, Shape.of(ROWS, OUTPUTS));
      try (Scratch scratch = new Scratch(gpu)) {
        Products.Operand dout = products.operand(rounded(ROWS, INPUTS), scratch);
        activated.plainInputGradient(expected, dout, w, before, Activation.GELU_TANH);
        return activated.inputGradient(found, dout, w, before) ? error(expected, found) : 0;
      }
    }

    private Tensor normal(int rows, int columns) {
      Tensor tensor = memory.tensor(DType.F32, Shape.of(rows, columns));
      MemorySegment values = arena.allocate(ValueLayout.JAVA_FLOAT, (long) rows * columns);
      for (long i = 0; i < (long) rows * columns; i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() / 4));
      }
      gpu.upload(Gpu.address(tensor), values, values.byteSize());
      return tensor;
    }

    private Tensor rounded(int rows, int columns) {
      Tensor tensor = memory.tensor(DType.BF16, Shape.of(rows, columns));
      long from = Gpu.address(normal(rows, columns));
      products.round(Gpu.address(tensor), from, rows, columns, columns);
      return tensor;
    }

    private double error(Tensor expected, Tensor found) {
      float[] a = download(expected);
      float[] b = download(found);
      double difference = 0;
      double norm = 0;
      for (int i = 0; i < a.length; i++) {
        difference += ((double) b[i] - a[i]) * ((double) b[i] - a[i]);
        norm += (double) a[i] * a[i];
      }
      return Math.sqrt(difference / norm);
    }

    private float[] download(Tensor tensor) {
      Tensor host = Tensor.allocate(arena, tensor.dtype(), tensor.shape());
      gpu.download(host.segment(), Gpu.address(tensor), host.storage().byteSize());
      return Conversions.convert(host, DType.F32, arena).segment().toArray(ValueLayout.JAVA_FLOAT);
    }
  }
}
