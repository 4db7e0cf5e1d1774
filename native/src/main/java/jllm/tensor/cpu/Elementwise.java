package jllm.tensor.cpu;

import static jllm.tensor.cpu.Lanes.COUNT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jllm.tensor.Activation;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Operations on each element by itself. The shape does not matter: a tensor is one long row. */
final class Elementwise implements Workers.Task, AutoCloseable {
  private enum Operation {
    ADD(1 << 15),
    MUL(1 << 15),
    SCALE(1 << 15),
    SOFT_CAP(1 << 12),
    SILU(1 << 13),
    GELU_TANH(1 << 12),
    GELU_ERF(1 << 12),
    RELU(1 << 15);

    /** Elements from which a second thread saves more than it costs. */
    final int worthSharing;

    Operation(int worthSharing) {
      this.worthSharing = worthSharing;
    }

    static Operation of(Activation activation) {
      return switch (activation) {
        case SILU -> SILU;
        case GELU_TANH -> GELU_TANH;
        case GELU_ERF -> GELU_ERF;
        case RELU -> RELU;
      };
    }
  }

  /**
   * Elements worked on at a time: few enough that a second operation finds them in the first-level
   * cache.
   */
  private static final int CHUNK = 1024;

  private final Workers workers;
  private final Arena arena = Arena.ofShared();

  /** One vector each for the elements that do not fill one, so that no loop needs a tail. */
  private final MemorySegment padOut = arena.allocate(4L * COUNT, Tensor.ALIGNMENT);

  private final MemorySegment padA = arena.allocate(4L * COUNT, Tensor.ALIGNMENT);
  private final MemorySegment padB = arena.allocate(4L * COUNT, Tensor.ALIGNMENT);

  private Operation operation = Operation.ADD;
  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment a = MemorySegment.NULL;
  private @Nullable MemorySegment b;
  private float factor;
  private long count;

  Elementwise(Workers workers) {
    this.workers = workers;
  }

  void add(Tensor out, Tensor a, Tensor b) {
    run(Operation.ADD, out, a, b, 0);
  }

  void mul(Tensor out, Tensor a, Tensor b) {
    run(Operation.MUL, out, a, b, 0);
  }

  void scale(Tensor out, Tensor x, float factor) {
    run(Operation.SCALE, out, x, null, factor);
  }

  void softCap(Tensor out, Tensor x, float cap) {
    run(Operation.SOFT_CAP, out, x, null, cap);
  }

  void activate(Tensor out, Tensor x, Activation activation) {
    run(Operation.of(activation), out, x, null, 0);
  }

  void gated(Tensor out, Tensor gate, Tensor up, Activation activation) {
    run(Operation.of(activation), out, gate, up, 0);
  }

  private void run(Operation operation, Tensor out, Tensor a, @Nullable Tensor b, float factor) {
    this.operation = operation;
    this.out = out.segment();
    this.a = a.segment();
    this.b = b == null ? null : b.segment();
    this.factor = factor;
    count = out.shape().elements();
    if (count < operation.worthSharing) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    int chunks = Math.toIntExact((count + CHUNK - 1) / CHUNK);
    int end = Workers.share(chunks, part + 1, parts);
    for (int chunk = Workers.share(chunks, part, parts); chunk < end; chunk++) {
      long at = (long) chunk * CHUNK;
      int length = (int) Math.min(CHUNK, count - at);
      int whole = length - length % COUNT;
      apply(out, a, b, 4 * at, whole);
      if (whole < length) {
        tail(4 * (at + whole), 4L * (length - whole));
      }
    }
  }

  private void tail(long at, long bytes) {
    MemorySegment.copy(a, at, padA, 0, bytes);
    if (b != null) {
      MemorySegment.copy(b, at, padB, 0, bytes);
    }
    apply(padOut, padA, b == null ? null : padB, 0, COUNT);
    MemorySegment.copy(padOut, 0, out, at, bytes);
  }

  private void apply(
      MemorySegment out, MemorySegment a, @Nullable MemorySegment b, long at, int count) {
    switch (operation) {
      case ADD -> ElementLoops.add(out, a, operand(b), at, count);
      case MUL -> ElementLoops.mul(out, a, operand(b), at, count);
      case SCALE -> ElementLoops.scale(out, a, factor, at, count);
      case SOFT_CAP -> ElementLoops.softCap(out, a, factor, at, count);
      case SILU -> ElementLoops.silu(out, a, at, count);
      case GELU_TANH -> ElementLoops.geluTanh(out, a, at, count);
      case GELU_ERF -> ElementLoops.geluErf(out, a, at, count);
      case RELU -> ElementLoops.relu(out, a, at, count);
    }
    if (b != null && operation != Operation.ADD && operation != Operation.MUL) {
      ElementLoops.mul(out, out, b, at, count);
    }
  }

  private static MemorySegment operand(@Nullable MemorySegment b) {
    if (b == null) {
      throw new IllegalStateException("an operation on two tensors has one");
    }
    return b;
  }

  @Override
  public void close() {
    arena.close();
  }
}
