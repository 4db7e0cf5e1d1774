package jllm.tensor.cuda;

import static jllm.tensor.cuda.Gpu.address;

import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.Dropout;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Attention on tensor cores, with operands rounded to bfloat16: many queries of heads that are wide
 * enough. What {@link #takes} refuses is for the general kernels.
 */
final class TunedAttention {
  private static final int THREADS = 128;
  private static final int WARPS = THREADS / 32;
  private static final int TILE = 16;

  /** Packed heads have a length that is a multiple of the largest tile of rows. */
  private static final int LENGTH_UNIT = 128;

  /** Bytes that are copied at once. */
  private static final int ALIGNMENT = 16;

  private static final int LEAST_HEAD = 17;
  private static final int MOST_HEAD = 256;

  /** Fewer queries leave most of a tile empty. */
  private static final int LEAST_QUERIES = 16;

  private static final int PACKED_AT_ONCE = 8;

  // What is in BF16, as the kernels of the forward pass and of the backward pass know it.
  private static final int ROUNDED_Q = 1;
  private static final int ROUNDED_K = 2;
  private static final int ROUNDED_V = 4;
  private static final int ROUNDED_OUT = 8;

  /**
   * How the kernels for a width of heads are launched: the constants of {@code attention_mma.cu}
   * and {@code attention_mma_backward.cu}.
   *
   * @param width of heads, a multiple of 16
   */
  private record Geometry(int width) {
    private int rowBytes() {
      return Short.BYTES * (width + 8);
    }

    /** Queries of a block. */
    int queries() {
      return TILE * WARPS * (width <= 128 ? 2 : 1);
    }

    private int keys() {
      return width <= 96 ? 64 : 32;
    }

    /** Bytes of shared memory: queries, keys, values. */
    int shared() {
      return (queries() + 2 * keys()) * rowBytes();
    }

    /** Queries or keys of a block of the backward pass. */
    int backwardRows() {
      return TILE * WARPS * (width <= 64 ? 2 : 1);
    }

    /** Two tiles of a block's own, two that it walks over, twice where there is room. */
    int backwardShared() {
      int walked = width <= 128 ? 32 : 16;
      int stages = width < 256 ? 2 : 1;
      int known = 4 * Float.BYTES;
      return 2 * backwardRows() * rowBytes() + stages * walked * (2 * rowBytes() + known);
    }

    /** Whether registers hold the sums of keys and of values together. */
    boolean joinsKeysAndValues() {
      return width <= 128;
    }
  }

  /**
   * What both directions read.
   *
   * @param starts address of the first positions of documents, 0 = one document
   * @param capacity rows of keys of a sequence
   * @param past positions before the queries
   */
  record Positions(
      AttentionSpec spec,
      int sequences,
      int steps,
      int capacity,
      int past,
      long starts,
      @Nullable Dropout dropout) {}

  private final Gpu gpu;

  TunedAttention(Gpu gpu) {
    this.gpu = gpu;
  }

  /** Whether there are kernels for so many queries of such heads. */
  static boolean takes(AttentionSpec spec, int steps) {
    return steps >= LEAST_QUERIES
        && spec.headDim() >= LEAST_HEAD
        && spec.headDim() <= MOST_HEAD
        && spec.scale() > 0;
  }

  /**
   * Whether operands and results may be in BF16 as they are: heads have no padding, and begin at
   * multiples of 16 bytes.
   */
  static boolean takesRounded(AttentionSpec spec, int steps) {
    return takes(spec, steps) && spec.headDim() % TILE == 0;
  }

  /** Columns of heads with their padding. */
  static int width(AttentionSpec spec) {
    return Math.ceilDiv(spec.headDim(), TILE) * TILE;
  }

  /**
   * Attention; lse is absent where nothing is learned. Operands and result F32, or BF16 if it
   * {@link #takesRounded}; keys and values of any type of caches.
   */
  void forward(
      Tensor out, @Nullable Tensor lse, Tensor q, Tensor k, Tensor v, Positions positions) {
    AttentionSpec spec = positions.spec();
    Geometry geometry = new Geometry(width(spec));
    int keys = positions.past() + positions.steps();
    try (Scratch scratch = new Scratch(gpu)) {
      Heads ofKeys = heads(k, spec.kvHeads(), keys, positions, geometry, scratch);
      Heads ofValues = heads(v, spec.kvHeads(), keys, positions, geometry, scratch);
      int rounded =
          (isRounded(q) ? ROUNDED_Q : 0)
              | (ofKeys.direct() ? ROUNDED_K : 0)
              | (ofValues.direct() ? ROUNDED_V : 0)
              | (isRounded(out) ? ROUNDED_OUT : 0);
      Launch launch =
          kernel(KernelSource.ATTENTION_MMA, "", geometry)
              .tensors(out, lse, q)
              .longs(ofKeys.address(), ofValues.address())
              .ints(length(keys), rounded)
              .longs(positions.starts())
              .ints(spec.heads(), spec.kvHeads(), spec.headDim(), positions.steps())
              .ints(positions.capacity(), positions.past());
      options(launch, positions)
          .start(
              Math.ceilDiv(positions.steps(), geometry.queries()),
              spec.heads(),
              positions.sequences(),
              THREADS,
              1,
              geometry.shared());
    }
  }

  private static boolean isRounded(Tensor tensor) {
    return tensor.dtype() == DType.BF16;
  }

  /**
   * The derivative of attention. Operands F32, or BF16 if it {@link #takesRounded}, as dq, dk and
   * dv, which are not added to then.
   *
   * @param delta address of [N, H]: the sums over heads of dout * out
   * @param add whether dq, dk and dv are added to, not overwritten
   */
  void backward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dout,
      Tensor lse,
      long delta,
      Tensor q,
      Tensor k,
      Tensor v,
      Positions positions,
      boolean add) {
    AttentionSpec spec = positions.spec();
    Geometry geometry = new Geometry(width(spec));
    int steps = positions.steps();
    try (Scratch scratch = new Scratch(gpu)) {
      Heads[] operands = {
        heads(dout, spec.heads(), steps, positions, geometry, scratch),
        heads(q, spec.heads(), steps, positions, geometry, scratch),
        heads(k, spec.kvHeads(), steps, positions, geometry, scratch),
        heads(v, spec.kvHeads(), steps, positions, geometry, scratch)
      };
      // A bit each, in the order in which the kernels take them.
      int rounded = 0;
      for (int i = 0; i < operands.length; i++) {
        rounded |= operands[i].direct() ? 1 << i : 0;
      }
      Tensor[] derivatives = {dq, dk, dv};
      for (int i = 0; i < derivatives.length; i++) {
        rounded |= isRounded(derivatives[i]) ? 1 << (operands.length + i) : 0;
      }
      int tiles = Math.ceilDiv(steps, geometry.backwardRows());
      String[] names =
          geometry.joinsKeysAndValues()
              ? new String[] {"keys_", "queries_"}
              : new String[] {"keys_", "values_", "queries_"};
      for (String name : names) {
        Launch launch =
            kernel(KernelSource.ATTENTION_MMA_BACKWARD, name, geometry)
                .tensors(dq, dk, dv, lse)
                .longs(delta);
        for (Heads operand : operands) {
          launch.longs(operand.address());
        }
        launch
            .ints(length(steps), rounded)
            .longs(positions.starts())
            .ints(spec.heads(), spec.kvHeads(), spec.headDim(), steps);
        options(launch, positions)
            .ints(add ? 1 : 0)
            .start(
                tiles,
                name.startsWith("queries") ? spec.heads() : spec.kvHeads(),
                positions.sequences(),
                THREADS,
                1,
                geometry.backwardShared());
      }
    }
  }

  private Launch kernel(KernelSource source, String name, Geometry geometry) {
    return gpu.kernel(source, "attention_mma_" + name + geometry.width(), geometry.width());
  }

  private static Launch options(Launch launch, Positions positions) {
    AttentionSpec spec = positions.spec();
    launch.floats(spec.scale(), spec.softCap()).ints(spec.window(), spec.causal() ? 1 : 0);
    return Attention.drop(launch, positions.dropout());
  }

  private static int length(int rows) {
    return Math.ceilDiv(rows, LENGTH_UNIT) * LENGTH_UNIT;
  }

  /**
   * Heads as kernels read them.
   *
   * @param direct whether they are where they were, in BF16; else they are packed
   */
  private record Heads(long address, boolean direct) {}

  private Heads heads(
      Tensor from, int heads, int rows, Positions positions, Geometry geometry, Scratch scratch) {
    boolean whole = positions.spec().headDim() == geometry.width();
    if (isRounded(from) && whole && address(from) % ALIGNMENT == 0) {
      return new Heads(address(from), true);
    }
    int length = length(rows);
    long groups =
        (long) positions.sequences() * heads * length * (geometry.width() / PACKED_AT_ONCE);
    long to = scratch.bytes(groups * PACKED_AT_ONCE * Short.BYTES);
    gpu.kernel(KernelSource.ATTENTION_PACK, "attention_pack", from.dtype())
        .longs(to, address(from))
        .ints(heads, positions.spec().headDim(), rows, positions.capacity(), length)
        .ints(geometry.width())
        .eachOf(groups);
    return new Heads(to, false);
  }
}
