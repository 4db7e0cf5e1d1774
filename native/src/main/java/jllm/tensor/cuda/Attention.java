package jllm.tensor.cuda;

import static jllm.tensor.cuda.Gpu.address;

import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.Dropout;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import org.jspecify.annotations.Nullable;

/** Attention, for heads of up to 256 components. */
final class Attention {
  private static final int THREADS = 256;
  private static final int DECODE_THREADS = 128;

  /** Queries of a sequence up to which its keys are divided among blocks. */
  private static final int FEW_QUERIES = 8;

  /** As attention.cu counts them. */
  private static final int KEYS_OF_A_SPLIT = 64;

  private static final int MOST_SPLITS = 64;
  private static final int DELTA_ROWS = 8;

  /**
   * How kernels for heads of a width are launched.
   *
   * @param width of heads, padded
   * @param queries of a block
   * @param shared bytes of shared memory
   * @param backwardRows queries or keys of a block of the backward pass
   */
  private record Geometry(int width, int queries, int shared, int backwardRows) {
    /** Four tiles of padded rows, and one of scores. */
    int backwardShared() {
      return Float.BYTES * (4 * backwardRows * (width + 4) + backwardRows * (backwardRows + 4));
    }
  }

  private static final Geometry[] GEOMETRIES = {
    new Geometry(32, 64, 34_816, 64),
    new Geometry(64, 64, 51_200, 64),
    new Geometry(128, 64, 100_352, 32),
    new Geometry(256, 32, 99_328, 16)
  };

  private final Gpu gpu;

  /** Whether operands are rounded, so that tensor cores can multiply them. */
  private final boolean rounds;

  /** Says whether tensor cores can be trusted; absent = they are. */
  private final @Nullable AttentionCheck check;

  private final TunedAttention tuned;

  Attention(Gpu gpu, MatrixMath math) {
    this(gpu, math == MatrixMath.BF16, new AttentionCheck(gpu));
  }

  Attention(Gpu gpu, boolean rounds, @Nullable AttentionCheck check) {
    this.gpu = gpu;
    this.rounds = rounds;
    this.check = check;
    this.tuned = new TunedAttention(gpu);
  }

  private static Geometry geometry(AttentionSpec spec) {
    for (Geometry geometry : GEOMETRIES) {
      if (spec.headDim() <= geometry.width()) {
        return geometry;
      }
    }
    throw new DeviceUnavailableException(
        "attention with heads of "
            + spec.headDim()
            + " components: the CUDA backend has kernels for up to 256; use the CPU");
  }

  /** See {@link jllm.tensor.Backend#attention}. */
  void run(Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    int steps = q.rows() / sequences;
    int capacity = k.rows() / sequences;
    if (steps <= FEW_QUERIES) {
      decode(out, q, k, v, spec, sequences, steps, capacity, past, null, null);
    } else {
      forward(out, null, q, k, v, null, spec, sequences, capacity, past, null);
    }
  }

  /** See {@link jllm.tensor.Backend#attentionType}. */
  DType trainingType(AttentionSpec spec, int steps) {
    return rounds
            && TunedAttention.takesRounded(spec, steps)
            && (check == null || check.trustsForward(spec) && check.trustsBackward(spec))
        ? DType.BF16
        : DType.F32;
  }

  /**
   * See {@link jllm.tensor.FusedOperations#attention}.
   *
   * @return whether there are few enough rows
   */
  boolean runFew(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int past, @Nullable Tensor at) {
    if (q.rows() > FEW_QUERIES) {
      return false;
    }
    decode(out, q, k, v, spec, 1, q.rows(), k.rows(), past, at, null);
    return true;
  }

  /** See {@link jllm.tensor.FusedOperations#attentionEach}. */
  void runEach(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, Tensor caches, Tensor at) {
    decode(out, q, k, v, spec, q.rows(), 1, k.rows(), 0, at, caches);
  }

  private void decode(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionSpec spec,
      int sequences,
      int steps,
      int capacity,
      int past,
      @Nullable Tensor at,
      @Nullable Tensor caches) {
    int width = geometry(spec).width();
    // Blocks that a short context does not need end at once.
    int keys = at == null ? past + steps : capacity;
    int splits = Math.clamp(Math.ceilDiv(keys, KEYS_OF_A_SPLIT), 1, MOST_SPLITS);
    int rows = q.rows() * spec.heads();
    try (Scratch scratch = new Scratch(gpu)) {
      long parts = scratch.floats((long) rows * splits * (spec.headDim() + 2));
      kernel("attention_decode_" + width, width, k, v)
          .longs(parts)
          .tensors(q, k, v, at, caches)
          .ints(spec.heads(), spec.kvHeads(), spec.headDim(), steps, capacity, past)
          .floats(spec.scale(), spec.softCap())
          .ints(spec.window(), spec.causal() ? 1 : 0, splits)
          .start(splits, spec.kvHeads(), sequences * steps, DECODE_THREADS);
      kernel("attention_combine", width, k, v)
          .tensors(out)
          .longs(parts)
          .tensors(at)
          .ints(
              caches == null ? 0 : steps * spec.heads(),
              spec.headDim(),
              steps,
              past,
              spec.window(),
              splits)
          .start(rows, 1, 1, DECODE_THREADS);
    }
  }

  private void forward(
      Tensor out,
      @Nullable Tensor lse,
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor starts,
      AttentionSpec spec,
      int sequences,
      int capacity,
      int past,
      @Nullable Dropout dropout) {
    int steps = q.rows() / sequences;
    if (rounds
        && TunedAttention.takes(spec, steps)
        && (check == null || check.trustsForward(spec))) {
      try (Scratch scratch = new Scratch(gpu)) {
        tuned.forward(
            out,
            lse,
            q,
            k,
            v,
            new TunedAttention.Positions(
                spec, sequences, steps, capacity, past, scratch.ids(starts), dropout));
      }
      return;
    }
    Geometry geometry = geometry(spec);
    try (Scratch scratch = new Scratch(gpu)) {
      Launch launch =
          kernel("attention_" + geometry.width(), geometry.width(), k, v)
              .tensors(out, lse, q, k, v)
              .longs(scratch.ids(starts))
              .ints(spec.heads(), spec.kvHeads(), spec.headDim(), steps, capacity, past)
              .floats(spec.scale(), spec.softCap())
              .ints(spec.window(), spec.causal() ? 1 : 0);
      drop(launch, dropout)
          .start(
              Math.ceilDiv(steps, geometry.queries()),
              spec.heads(),
              sequences,
              THREADS,
              1,
              geometry.shared());
    }
  }

  private Launch kernel(String name, int width, Tensor k, Tensor v) {
    return gpu.kernel(KernelSource.ATTENTION, name, width, k.dtype(), v.dtype());
  }

  static Launch drop(Launch launch, @Nullable Dropout dropout) {
    return dropout == null
        ? launch.longs(0).ints(0).floats(0)
        : launch.longs(dropout.seed()).ints(dropout.threshold()).floats(dropout.scale());
  }

  /** See {@link jllm.tensor.TrainingKernels#attention}. */
  void train(Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, TrainingAttention attention) {
    int sequences = attention.sequences();
    forward(
        out,
        lse,
        q,
        k,
        v,
        attention.starts(),
        attention.spec(),
        sequences,
        q.rows() / sequences,
        0,
        attention.dropout());
  }

  /** See {@link jllm.tensor.TrainingKernels#attentionBackward}. */
  void backward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dout,
      Tensor out,
      Tensor lse,
      Tensor q,
      Tensor k,
      Tensor v,
      TrainingAttention attention,
      boolean add) {
    AttentionSpec spec = attention.spec();
    int steps = q.rows() / attention.sequences();
    long heads = (long) q.rows() * spec.heads();
    try (Scratch scratch = new Scratch(gpu)) {
      long delta = scratch.floats(heads);
      long starts = scratch.ids(attention.starts());
      gpu.kernel(KernelSource.REDUCTIONS, CudaBackend.named("attention_delta", dout, out))
          .longs(delta, address(dout), address(out))
          .ints(spec.headDim())
          .longs(heads)
          .start(Math.toIntExact(Math.ceilDiv(heads, DELTA_ROWS)), 1, 1, THREADS);
      if (rounds
          && TunedAttention.takes(spec, steps)
          && (check == null || check.trustsBackward(spec))) {
        tuned.backward(
            dq,
            dk,
            dv,
            dout,
            lse,
            delta,
            q,
            k,
            v,
            new TunedAttention.Positions(
                spec, attention.sequences(), steps, steps, 0, starts, attention.dropout()),
            add);
        return;
      }
      Geometry geometry = geometry(spec);
      int width = geometry.width();
      int tiles = Math.ceilDiv(steps, geometry.backwardRows());
      Launch keys =
          gpu.kernel(KernelSource.ATTENTION_BACKWARD, "attention_backward_keys_" + width, width)
              .tensors(dk, dv);
      operands(keys, dout, lse, delta, q, k, v, starts, spec, steps);
      drop(keys, attention.dropout())
          .ints(add ? 1 : 0)
          .start(
              tiles, spec.kvHeads(), attention.sequences(), THREADS, 1, geometry.backwardShared());
      Launch queries =
          gpu.kernel(KernelSource.ATTENTION_BACKWARD, "attention_backward_queries_" + width, width)
              .tensors(dq);
      operands(queries, dout, lse, delta, q, k, v, starts, spec, steps);
      drop(queries, attention.dropout())
          .ints(add ? 1 : 0)
          .start(tiles, spec.heads(), attention.sequences(), THREADS, 1, geometry.backwardShared());
    }
  }

  private static void operands(
      Launch launch,
      Tensor dout,
      Tensor lse,
      long delta,
      Tensor q,
      Tensor k,
      Tensor v,
      long starts,
      AttentionSpec spec,
      int steps) {
    launch
        .tensors(dout, lse)
        .longs(delta)
        .tensors(q, k, v)
        .longs(starts)
        .ints(spec.heads(), spec.kvHeads(), spec.headDim(), steps)
        .floats(spec.scale(), spec.softCap())
        .ints(spec.window(), spec.causal() ? 1 : 0);
  }
}
