package jllm.tensor.cuda;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
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
import jllm.tensor.quant.Conversions;
import jllm.tensor.quant.RandomBlocks;

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
      double error = 0;
      for (DType type : new DType[] {DType.F32, DType.BF16}) {
        // Not a number stays so.
        error = Math.max(error, new Problem(memory, arena, width, type).error(derivative));
      }
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
    private final DType type;
    private final TrainingAttention attention;
    private final Shape shape;
    private final Operand q;
    private final Operand k;
    private final Operand v;
    private final Tensor out;
    private final Tensor lse;

    /**
     * @param type in which tensor cores get operands and leave results
     */
    Problem(Memory memory, Arena arena, int width, DType type) {
      this.type = type;
      this.memory = memory;
      this.arena = arena;
      AttentionSpec spec =
          new AttentionSpec(HEADS, HEADS, width, (float) (1 / Math.sqrt(width)), 0, 0, true);
      this.attention = new TrainingAttention(spec, 1, null, null);
      this.shape = Shape.of(STEPS, HEADS * width);
      this.q = operand();
      this.k = operand();
      this.v = operand();
      this.out = memory.tensor(DType.F32, shape);
      this.lse = memory.tensor(DType.F32, Shape.of(STEPS, HEADS));
    }

    /**
     * The same numbers for both kinds of kernels.
     *
     * @param exact F32
     * @param tested of the type
     */
    private record Operand(Tensor exact, Tensor tested) {}

    /** Of normally distributed numbers. */
    private Operand operand() {
      Tensor host = Tensor.allocate(arena, type, shape);
      RandomBlocks.fill(host, random, 1);
      return new Operand(onDevice(Conversions.convert(host, DType.F32, arena)), onDevice(host));
    }

    private Tensor onDevice(Tensor host) {
      Tensor tensor = memory.tensor(host.dtype(), shape);
      gpu.upload(Gpu.address(tensor), host.segment(), Tensor.byteSize(host.dtype(), shape));
      return tensor;
    }

    double error(boolean derivative) {
      general.train(out, lse, q.exact, k.exact, v.exact, attention);
      if (!derivative) {
        Tensor found = memory.tensor(type, shape);
        tuned.train(found, lse, q.tested, k.tested, v.tested, attention);
        return error(out, found);
      }
      Operand dout = operand();
      Tensor[] expected = derivatives(DType.F32);
      general.backward(
          expected[0],
          expected[1],
          expected[2],
          dout.exact,
          out,
          lse,
          q.exact,
          k.exact,
          v.exact,
          attention,
          false);
      Tensor[] found = derivatives(type);
      tuned.backward(
          found[0],
          found[1],
          found[2],
          dout.tested,
          out,
          lse,
          q.tested,
          k.tested,
          v.tested,
          attention,
          false);
      double error = 0;
      for (int i = 0; i < expected.length; i++) {
        error = Math.max(error, error(expected[i], found[i])); // not a number stays so
      }
      return error;
    }

    private Tensor[] derivatives(DType of) {
      return new Tensor[] {
        memory.tensor(of, shape), memory.tensor(of, shape), memory.tensor(of, shape)
      };
    }

    private double error(Tensor expected, Tensor found) {
      Tensor a = download(expected);
      Tensor b = download(found);
      double difference = 0;
      double norm = 0;
      for (int row = 0; row < shape.rows(); row++) {
        float[] own = Conversions.row(a, row);
        float[] other = Conversions.row(b, row);
        for (int i = 0; i < own.length; i++) {
          difference += Math.pow((double) other[i] - own[i], 2);
          norm += Math.pow(own[i], 2);
        }
      }
      return Math.sqrt(difference / norm);
    }

    private Tensor download(Tensor tensor) {
      Tensor host = Tensor.allocate(arena, tensor.dtype(), shape);
      gpu.download(host.segment(), Gpu.address(tensor), Tensor.byteSize(host.dtype(), shape));
      return host;
    }
  }
}
