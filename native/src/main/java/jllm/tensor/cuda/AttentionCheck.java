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
import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;

/**
 * Whether a device's tensor cores compute attention as its general kernels do: what is asked once
 * for each width of heads, with a problem of milliseconds, before the fast kernels are used.
 */
final class AttentionCheck {
  private static final Logger LOG = System.getLogger(AttentionCheck.class.getName());

  /** Norm of the difference over the norm: what operands of 8 bits of precision allow. */
  private static final double MOST_ERROR = 2e-2;

  private static final long SEED = 1;
  private static final int HEADS = 2;

  /** More than a tile of queries, and several of keys, none of them whole. */
  private static final int STEPS = 140;

  private final Gpu gpu;
  private final Attention general;
  private final Attention tuned;
  private final Map<Integer, Boolean> forward = new HashMap<>();
  private final Map<Integer, Boolean> backward = new HashMap<>();

  AttentionCheck(Gpu gpu) {
    this.gpu = gpu;
    this.general = new Attention(gpu, false, null);
    this.tuned = new Attention(gpu, true, null);
  }

  /** Whether the fast kernels can be used for the heads of a forward pass. */
  boolean trustsForward(AttentionSpec spec) {
    return forward.computeIfAbsent(
        TunedAttention.width(spec), width -> agree("attention", width, false));
  }

  /** Whether the fast kernels can be used for the heads of a backward pass. */
  boolean trustsBackward(AttentionSpec spec) {
    return backward.computeIfAbsent(
        TunedAttention.width(spec), width -> agree("the derivative of attention", width, true));
  }

  private boolean agree(String what, int width, boolean derivative) {
    String reason;
    try (Memory memory = new DeviceMemory(gpu);
        Arena arena = Arena.ofConfined()) {
      double error = new Problem(memory, arena, width).error(derivative);
      if (error <= MOST_ERROR) {
        return true;
      }
      reason = "the relative error is %.2g, at most %.2g is expected".formatted(error, MOST_ERROR);
    } catch (CudaException e) {
      reason = String.valueOf(e.getMessage());
    }
    LOG.log(
        Level.WARNING,
        "CUDA device {0} ({1}): {2} on tensor cores, for heads of {3}, is not used: {4}; the general"
            + " kernels are, which are slower. Please report this with the name of the device.",
        gpu.device().index(),
        gpu.device().name(),
        what,
        width,
        reason);
    return false;
  }

  /** Random operands, and what both kinds of kernels make of them. */
  private final class Problem {
    private final Memory memory;
    private final Arena arena;
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final TrainingAttention attention;
    private final Shape shape;
    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final Tensor out;
    private final Tensor lse;

    Problem(Memory memory, Arena arena, int width) {
      this.memory = memory;
      this.arena = arena;
      AttentionSpec spec =
          new AttentionSpec(HEADS, HEADS, width, (float) (1 / Math.sqrt(width)), 0, 0, true);
      this.attention = new TrainingAttention(spec, 1, null, null);
      this.shape = Shape.of(STEPS, HEADS * width);
      this.q = tensor(true);
      this.k = tensor(true);
      this.v = tensor(true);
      this.out = tensor(false);
      this.lse = memory.tensor(DType.F32, Shape.of(STEPS, HEADS));
    }

    /** Of normally distributed numbers, or of zeros. */
    private Tensor tensor(boolean filled) {
      Tensor tensor = memory.tensor(DType.F32, shape);
      MemorySegment values = arena.allocate(ValueLayout.JAVA_FLOAT, shape.elements());
      for (long i = 0; filled && i < shape.elements(); i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
      }
      gpu.upload(Gpu.address(tensor), values, values.byteSize());
      return tensor;
    }

    double error(boolean derivative) {
      general.train(out, lse, q, k, v, attention);
      if (!derivative) {
        Tensor found = tensor(false);
        tuned.train(found, lse, q, k, v, attention);
        return error(out, found);
      }
      Tensor dout = tensor(true);
      Tensor[] expected = derivatives(general, dout);
      Tensor[] found = derivatives(tuned, dout);
      double error = 0;
      for (int i = 0; i < expected.length; i++) {
        error = Math.max(error, error(expected[i], found[i])); // not a number stays so
      }
      return error;
    }

    private Tensor[] derivatives(Attention kernels, Tensor dout) {
      Tensor[] d = {tensor(false), tensor(false), tensor(false)};
      kernels.backward(d[0], d[1], d[2], dout, out, lse, q, k, v, attention, false);
      return d;
    }

    private double error(Tensor expected, Tensor found) {
      MemorySegment a = download(expected);
      MemorySegment b = download(found);
      double difference = 0;
      double norm = 0;
      for (long i = 0; i < shape.elements(); i++) {
        double own = a.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        double other = b.getAtIndex(ValueLayout.JAVA_FLOAT, i) - own;
        difference += other * other;
        norm += own * own;
      }
      return Math.sqrt(difference / norm);
    }

    private MemorySegment download(Tensor tensor) {
      MemorySegment to = arena.allocate(ValueLayout.JAVA_FLOAT, shape.elements());
      gpu.download(to, Gpu.address(tensor), to.byteSize());
      return to;
    }
  }
}
