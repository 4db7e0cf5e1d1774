package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.util.List;
import jllm.ffi.kernels.DecodeKernel;
import jllm.tensor.DType;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Products of packed weights with few rows of activations by kernels of the library: what {@link
 * MatVec} does, with activations in integers of 16 bits for all quantized types. Threads share the
 * tiles of the weight; each reads its own once for all rows.
 */
final class NativeMatVec implements Workers.Task, AutoCloseable {
  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 16;

  /** Types in the order of {@code enum kind} in {@code decode_input.h}. */
  private static final List<DType> KINDS =
      List.of(
          DType.F32,
          DType.F16,
          DType.BF16,
          DType.Q8_0,
          DType.Q4_0,
          DType.Q4_1,
          DType.Q5_0,
          DType.Q5_1,
          DType.Q2_K,
          DType.Q3_K,
          DType.Q4_K,
          DType.Q5_K,
          DType.Q6_K,
          DType.IQ4_NL,
          DType.IQ4_XS);

  private final Workers workers;
  private final DecodeKernel kernel;
  private final Scratch scratch = new Scratch();

  private MemorySegment inputs = MemorySegment.NULL;
  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment weight = MemorySegment.NULL;
  private MemorySegment bias = MemorySegment.NULL;
  private @Nullable MemorySegment experts;
  private int kind;
  private long inputBytes;
  private long matrixBytes;

  /** Rows of the result. */
  private int rows;

  /** Rows of the result that have the same activations. */
  private int sharing;

  private int outputs;
  private int columns;

  NativeMatVec(Workers workers, DecodeKernel kernel) {
    this.workers = workers;
    this.kernel = kernel;
  }

  /** As {@link jllm.tensor.Backend#linear}. */
  void linear(Tensor out, Tensor x, Tensor w, Storage.Packed packed, @Nullable Tensor bias) {
    this.bias = bias == null ? MemorySegment.NULL : bias.segment();
    run(out, x, w, packed, null, 1);
  }

  /** As {@link jllm.tensor.Backend#expertLinear}. */
  void experts(Tensor out, Tensor x, Tensor w, Storage.Packed packed, Tensor experts) {
    this.bias = MemorySegment.NULL;
    run(out, x, w, packed, experts.segment(), x.rows() == out.rows() ? 1 : experts.columns());
  }

  private void run(
      Tensor out,
      Tensor x,
      Tensor w,
      Storage.Packed packed,
      @Nullable MemorySegment experts,
      int sharing) {
    this.weight = packed.segment();
    this.out = out.segment();
    this.experts = experts;
    this.sharing = sharing;
    rows = out.rows();
    outputs = w.dim(-2);
    columns = w.columns();
    kind = KINDS.indexOf(w.dtype());
    matrixBytes = ((PackedFormat) packed.packing()).bytes(outputs, columns);
    inputBytes = kernel.rowBytes(kind, columns);
    inputs = scratch.reserve(x.rows() * inputBytes);
    kernel.prepare(kind, x.segment(), x.rows(), columns, inputs);
    if ((long) rows * outputs * columns < SMALL) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    int tiles = PackedFormat.tiles(outputs);
    MemorySegment experts = this.experts;
    if (experts == null) {
      int from = Workers.share(tiles, part, parts);
      int to = Workers.share(tiles, part + 1, parts);
      kernel.multiply(kind, weight, outputs, columns, inputs, rows, out, bias, from, to);
      return;
    }
    int end = Workers.share(tiles * rows, part + 1, parts);
    for (int unit = Workers.share(tiles * rows, part, parts); unit < end; ) {
      int row = unit / tiles;
      int next = Math.min(end, (row + 1) * tiles);
      long matrix = experts.get(JAVA_INT, 4L * row) * matrixBytes;
      kernel.multiply(
          kind,
          weight.asSlice(matrix),
          outputs,
          columns,
          inputs.asSlice(row / sharing * inputBytes),
          1,
          out.asSlice(4L * row * outputs),
          bias,
          unit - row * tiles,
          next - row * tiles);
      unit = next;
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
