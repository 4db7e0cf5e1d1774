package jllm.tensor.cuda;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.ffi.cuda.CudaException;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;

/**
 * Whether a device's tensor cores multiply the rows of experts as its general kernels do: what is
 * asked once for each type of weights, with a small problem, before the fast kernels are used.
 */
final class ExpertCheck {
  private static final Logger LOG = System.getLogger(ExpertCheck.class.getName());

  /** Norm of the difference over the norm: what operands of 8 bits of precision allow. */
  private static final double MOST_ERROR = 2e-2;

  private static final long SEED = 1;
  private static final int EXPERTS = 3;
  private static final int USED = 2;

  /** A block of any type of weights, and more than a tile of results, but no whole one. */
  private static final int INPUTS = 256;

  private static final int OUTPUTS = 136;

  /** The three products with a weight. */
  enum Direction {
    FORWARD("forward"),
    INPUTS("derivative by the inputs"),
    WEIGHTS("derivative by the weights");

    private final String description;

    Direction(String description) {
      this.description = description;
    }
  }

  private record Kernel(Direction direction, DType type, int tile) {}

  private final Gpu gpu;
  private final Experts general;
  private final Experts tuned;
  private final Map<Kernel, Boolean> known = new HashMap<>();

  ExpertCheck(Gpu gpu, Products products) {
    this.gpu = gpu;
    this.general = new Experts(gpu, null, null);
    this.tuned = new Experts(gpu, new TunedExperts(gpu, products), null);
  }

  /**
   * Whether the fast kernel can be used.
   *
   * @param tile rows of its tiles
   */
  boolean trusts(Direction direction, DType type, int tile) {
    Kernel kernel = new Kernel(direction, type, tile);
    Boolean trusted = known.get(kernel);
    if (trusted == null) {
      trusted = agree(kernel);
      known.put(kernel, trusted);
    }
    return trusted;
  }

  private boolean agree(Kernel kernel) {
    String reason;
    try (Memory memory = new DeviceMemory(gpu);
        Arena arena = Arena.ofConfined()) {
      double error = new Problem(memory, arena, kernel.tile()).error(kernel);
      if (error <= MOST_ERROR) {
        return true;
      }
      reason = "the relative error is %.2g, at most %.2g is expected".formatted(error, MOST_ERROR);
    } catch (CudaException e) {
      reason = String.valueOf(e.getMessage());
    }
    LOG.log(
        Level.WARNING,
        "CUDA device {0} ({1}): products with experts on tensor cores ({2}, {3}) are not used: {4}; the"
            + " general kernels are, which are slower. Please report this with the name of the"
            + " device.",
        gpu.device().index(),
        gpu.device().name(),
        kernel.direction().description,
        kernel.type(),
        reason);
    return false;
  }

  /** Random operands, and what both kinds of kernels make of them. */
  private final class Problem {
    private final Memory memory;
    private final Arena arena;
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final int rows;
    private final Tensor chosen;

    /**
     * @param tile so many rows for each expert on average and some more, of which the first expert
     *     has most
     */
    Problem(Memory memory, Arena arena, int tile) {
      this.memory = memory;
      this.arena = arena;
      this.rows = Math.ceilDiv(tile * EXPERTS, USED) + EXPERTS;
      Tensor host = Tensor.allocate(arena, DType.I32, Shape.of(rows, USED));
      for (int row = 0; row < rows; row++) {
        int first = random.nextInt(2) * random.nextInt(EXPERTS);
        int second = (first + random.nextInt(1, EXPERTS)) % EXPERTS;
        host.segment().setAtIndex(ValueLayout.JAVA_INT, (long) USED * row, first);
        host.segment().setAtIndex(ValueLayout.JAVA_INT, (long) USED * row + 1, second);
      }
      this.chosen = onDevice(host);
    }

    double error(Kernel kernel) {
      Tensor x = normal(DType.F32, Shape.of(rows, INPUTS));
      Tensor dout = normal(DType.F32, Shape.of(rows * USED, OUTPUTS));
      Shape weight = Shape.of(EXPERTS, OUTPUTS, INPUTS);
      Tensor w = normal(kernel.type(), weight);
      Shape shape =
          switch (kernel.direction()) {
            case FORWARD -> dout.shape();
            case INPUTS -> x.shape();
            case WEIGHTS -> weight;
          };
      float[][] results = new float[2][];
      for (int i = 0; i < results.length; i++) {
        Experts experts = i == 0 ? general : tuned;
        Tensor out = memory.tensor(DType.F32, shape);
        switch (kernel.direction()) {
          case FORWARD -> experts.forward(out, x, w, chosen);
          case INPUTS -> experts.inputGradient(out, dout, w, chosen);
          case WEIGHTS -> experts.weightGradient(out, dout, x, chosen);
        }
        results[i] = download(out);
      }
      return error(results[0], results[1]);
    }

    private Tensor normal(DType type, Shape shape) {
      Tensor host = Tensor.allocate(arena, DType.F32, shape);
      for (long i = 0; i < shape.elements(); i++) {
        host.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
      }
      return onDevice(Conversions.convert(host, type, arena));
    }

    private Tensor onDevice(Tensor host) {
      Tensor tensor = memory.tensor(host.dtype(), host.shape());
      gpu.upload(Gpu.address(tensor), host.segment(), host.segment().byteSize());
      return tensor;
    }

    private float[] download(Tensor tensor) {
      MemorySegment to = arena.allocate(ValueLayout.JAVA_FLOAT, tensor.shape().elements());
      gpu.download(to, Gpu.address(tensor), to.byteSize());
      return to.toArray(ValueLayout.JAVA_FLOAT);
    }

    private static double error(float[] expected, float[] found) {
      double difference = 0;
      double norm = 0;
      for (int i = 0; i < expected.length; i++) {
        double other = (double) found[i] - expected[i];
        difference += other * other;
        norm += (double) expected[i] * expected[i];
      }
      return Math.sqrt(difference / norm);
    }
  }
}
