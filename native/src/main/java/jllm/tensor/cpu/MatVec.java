package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Products of weights with single rows of activations, as decoding needs them: each weight is read
 * once and used at once, so that memory sets the pace. Threads share the tiles of the weight.
 */
final class MatVec implements Workers.Task, AutoCloseable {
  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 16;

  private static final long THREAD_BYTES = MatVecKernel.SCRATCH + PackedFormat.LINE;

  private final Workers workers;
  private final Scratch scratch = new Scratch();
  private MatVecInput[] inputs = {};

  private PackedFormat format = PackedF32.INSTANCE;
  private MatVecKernel kernel = MatVecF32.INSTANCE;
  private MemorySegment work = MemorySegment.NULL;
  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment weight = MemorySegment.NULL;
  private @Nullable MemorySegment bias;
  private @Nullable MemorySegment experts;

  /** Rows of the result. */
  private int rows;

  /** Rows of the result that have the same activations. */
  private int sharing;

  private int outputs;
  private int columns;

  MatVec(Workers workers) {
    this.workers = workers;
  }

  /** As {@link jllm.tensor.Backend#linear}, for few rows. */
  void linear(Tensor out, Tensor x, Tensor w, Storage.Packed packed, @Nullable Tensor bias) {
    this.bias = bias == null ? null : bias.segment();
    run(out, x, w, packed, null, 1);
  }

  /** As {@link jllm.tensor.Backend#expertLinear}, for few rows. */
  void experts(Tensor out, Tensor x, Tensor w, Storage.Packed packed, Tensor experts) {
    this.bias = null;
    run(out, x, w, packed, experts.segment(), x.rows() == out.rows() ? 1 : experts.columns());
  }

  private void run(
      Tensor out,
      Tensor x,
      Tensor w,
      Storage.Packed packed,
      @Nullable MemorySegment experts,
      int sharing) {
    this.format = (PackedFormat) packed.packing();
    this.kernel = MatVecKernel.of(w.dtype());
    this.weight = packed.segment();
    this.out = out.segment();
    this.experts = experts;
    this.sharing = sharing;
    this.rows = out.rows();
    this.outputs = w.dim(-2);
    this.columns = w.columns();
    prepare(x);
    long multiplications = (long) rows * outputs * columns;
    int parts = multiplications < SMALL ? 1 : workers.count();
    work = scratch.reserve(parts * THREAD_BYTES);
    if (parts == 1) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  private void prepare(Tensor x) {
    int count = x.rows();
    if (inputs.length < count) {
      int before = inputs.length;
      inputs = Arrays.copyOf(inputs, count);
      for (int i = before; i < count; i++) {
        inputs[i] = new MatVecInput();
      }
    }
    MemorySegment segment = x.segment();
    for (int row = 0; row < count; row++) {
      kernel.prepare(inputs[row], segment, 4L * row * columns, columns);
    }
  }

  @Override
  public void run(int part, int parts) {
    int tiles = PackedFormat.tiles(outputs);
    int end = Workers.share(tiles * rows, part + 1, parts);
    for (int unit = Workers.share(tiles * rows, part, parts); unit < end; unit++) {
      // Rows that share a weight follow each other at each tile, while it is in the cache.
      boolean shared = experts == null;
      int row = shared ? unit % rows : unit / tiles;
      int tile = shared ? unit / rows : unit % tiles;
      multiply(row, tile, part * THREAD_BYTES);
    }
  }

  private void multiply(int row, int tile, long own) {
    MemorySegment experts = this.experts;
    long expert = experts == null ? 0 : experts.get(JAVA_INT, 4L * row);
    long at = expert * format.bytes(outputs, columns) + tile * format.tileBytes(columns);
    int first = tile * PanelReader.ROWS;
    long target = 4L * ((long) row * outputs + first);
    MatVecInput input = inputs[row / sharing];
    int count = Math.min(PanelReader.ROWS, outputs - first);
    if (count == PanelReader.ROWS) {
      kernel.multiply(weight, at, columns, input, work, own, out, target);
    } else {
      long spare = own + MatVecKernel.SCRATCH;
      kernel.multiply(weight, at, columns, input, work, own, work, spare);
      MemorySegment.copy(work, spare, out, target, 4L * count);
    }
    MemorySegment bias = this.bias;
    if (bias != null) {
      add(out, target, bias, 4L * first, count);
    }
  }

  private static void add(MemorySegment out, long to, MemorySegment bias, long from, int count) {
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector.fromMemorySegment(FLOAT, out, to + 4L * i, ORDER)
          .add(FloatVector.fromMemorySegment(FLOAT, bias, from + 4L * i, ORDER))
          .intoMemorySegment(out, to + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float sum = out.get(JAVA_FLOAT, to + 4L * i) + bias.get(JAVA_FLOAT, from + 4L * i);
      out.set(JAVA_FLOAT, to + 4L * i, sum);
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
