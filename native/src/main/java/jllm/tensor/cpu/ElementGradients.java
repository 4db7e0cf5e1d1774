package jllm.tensor.cpu;

import static jllm.tensor.cpu.Lanes.COUNT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jllm.tensor.Activation;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Derivatives of operations on each element by itself. The shape does not matter: a tensor is one
 * long row. A derivative with several factors is made chunk by chunk in a buffer that stays in the
 * first-level cache.
 */
final class ElementGradients implements Workers.Task, AutoCloseable {
  private enum Operation {
    FILL,
    ADD_SCALED,
    ADD_PRODUCT,
    SOFT_CAP,
    ACTIVATE,
    GATED
  }

  /** Elements worked on at a time. */
  private static final int CHUNK = 1024;

  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 13;

  private final Workers workers;
  private final Scratch scratch = new Scratch();
  private final Arena arena = Arena.ofShared();

  /** One vector each for the elements that do not fill one, so that no loop needs a tail. */
  private final MemorySegment padOut = pad();

  private final MemorySegment padSecond = pad();
  private final MemorySegment padA = pad();
  private final MemorySegment padB = pad();
  private final MemorySegment padC = pad();

  private Operation operation = Operation.FILL;
  private Activation activation = Activation.RELU;
  private MemorySegment work = MemorySegment.NULL;
  private MemorySegment out = MemorySegment.NULL;
  private @Nullable MemorySegment second;
  private @Nullable MemorySegment a;
  private @Nullable MemorySegment b;
  private @Nullable MemorySegment c;
  private float factor;
  private long count;

  ElementGradients(Workers workers) {
    this.workers = workers;
  }

  private MemorySegment pad() {
    return arena.allocate(4L * COUNT, Tensor.ALIGNMENT);
  }

  /** {@code out = value}. */
  void fill(Tensor out, float value) {
    factor = value;
    run(Operation.FILL, out, null, null, null, null);
  }

  /** {@code out += x * factor}. */
  void addScaled(Tensor out, Tensor x, float factor) {
    this.factor = factor;
    run(Operation.ADD_SCALED, out, null, x, null, null);
  }

  /** {@code out += a * b}. */
  void addProduct(Tensor out, Tensor a, Tensor b) {
    run(Operation.ADD_PRODUCT, out, null, a, b, null);
  }

  void softCap(Tensor dx, Tensor dout, Tensor x, float cap) {
    factor = cap;
    run(Operation.SOFT_CAP, dx, null, dout, x, null);
  }

  void activate(Tensor dx, Tensor dout, Tensor x, Activation activation) {
    this.activation = activation;
    run(Operation.ACTIVATE, dx, null, dout, x, null);
  }

  void gated(Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) {
    this.activation = activation;
    run(Operation.GATED, dgate, dup, dout, gate, up);
  }

  private void run(
      Operation operation,
      Tensor out,
      @Nullable Tensor second,
      @Nullable Tensor a,
      @Nullable Tensor b,
      @Nullable Tensor c) {
    this.operation = operation;
    this.out = out.segment();
    this.second = second == null ? null : second.segment();
    this.a = a == null ? null : a.segment();
    this.b = b == null ? null : b.segment();
    this.c = c == null ? null : c.segment();
    count = out.shape().elements();
    work = scratch.reserve(4L * CHUNK * workers.count());
    if (count < WORTH_SHARING) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    long buffer = 4L * CHUNK * part;
    int chunks = Math.toIntExact((count + CHUNK - 1) / CHUNK);
    int end = Workers.share(chunks, part + 1, parts);
    for (int chunk = Workers.share(chunks, part, parts); chunk < end; chunk++) {
      long at = (long) chunk * CHUNK;
      int length = (int) Math.min(CHUNK, count - at);
      int whole = length - length % COUNT;
      apply(buffer, out, second, a, b, c, 4 * at, whole);
      if (whole < length) {
        tail(buffer, 4 * (at + whole), 4L * (length - whole));
      }
    }
  }

  private void tail(long buffer, long at, long bytes) {
    MemorySegment second = this.second;
    MemorySegment.copy(out, at, padOut, 0, bytes);
    if (second != null) {
      MemorySegment.copy(second, at, padSecond, 0, bytes);
    }
    apply(
        buffer,
        padOut,
        second == null ? null : padSecond,
        padded(a, padA, at, bytes),
        padded(b, padB, at, bytes),
        padded(c, padC, at, bytes),
        0,
        COUNT);
    MemorySegment.copy(padOut, 0, out, at, bytes);
    if (second != null) {
      MemorySegment.copy(padSecond, 0, second, at, bytes);
    }
  }

  private static @Nullable MemorySegment padded(
      @Nullable MemorySegment x, MemorySegment pad, long at, long bytes) {
    if (x == null) {
      return null;
    }
    MemorySegment.copy(x, at, pad, 0, bytes);
    return pad;
  }

  private void apply(
      long buffer,
      MemorySegment out,
      @Nullable MemorySegment second,
      @Nullable MemorySegment a,
      @Nullable MemorySegment b,
      @Nullable MemorySegment c,
      long at,
      int count) {
    switch (operation) {
      case FILL -> GradientLoops.fill(out, at, factor, count);
      case ADD_SCALED -> GradientLoops.addScaled(out, operand(a), at, factor, count);
      case ADD_PRODUCT -> GradientLoops.addProduct(out, operand(a), at, operand(b), at, count);
      case SOFT_CAP -> {
        GradientLoops.softCapSlope(work, buffer, operand(b), at, factor, count);
        GradientLoops.addProduct(out, operand(a), at, work, buffer, count);
      }
      case ACTIVATE -> {
        slope(buffer, operand(b), at, count);
        GradientLoops.addProduct(out, operand(a), at, work, buffer, count);
      }
      case GATED -> {
        slope(buffer, operand(b), at, count);
        GradientLoops.multiply(work, buffer, operand(c), at, count);
        GradientLoops.addProduct(out, operand(a), at, work, buffer, count);
        value(buffer, operand(b), at, count);
        GradientLoops.addProduct(operand(second), operand(a), at, work, buffer, count);
      }
    }
  }

  private void slope(long buffer, MemorySegment x, long at, int count) {
    switch (activation) {
      case SILU -> GradientLoops.siluSlope(work, buffer, x, at, count);
      case GELU_TANH -> GradientLoops.geluTanhSlope(work, buffer, x, at, count);
      case GELU_ERF -> {
        GradientLoops.normalCdf(work, buffer, x, at, count);
        GradientLoops.addNormalDensity(work, buffer, x, at, count);
      }
      case RELU -> GradientLoops.reluSlope(work, buffer, x, at, count);
    }
  }

  private void value(long buffer, MemorySegment x, long at, int count) {
    switch (activation) {
      case SILU -> GradientLoops.silu(work, buffer, x, at, count);
      case GELU_TANH -> GradientLoops.geluTanh(work, buffer, x, at, count);
      case GELU_ERF -> GradientLoops.geluErf(work, buffer, x, at, count);
      case RELU -> GradientLoops.relu(work, buffer, x, at, count);
    }
  }

  private static MemorySegment operand(@Nullable MemorySegment x) {
    if (x == null) {
      throw new IllegalStateException("an operation lacks an operand");
    }
    return x;
  }

  @Override
  public void close() {
    scratch.close();
    arena.close();
  }
}
