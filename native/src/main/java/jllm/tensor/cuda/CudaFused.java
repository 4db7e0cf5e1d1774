package jllm.tensor.cuda;

import jllm.tensor.Activation;
import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.FusedOperations;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;
import jllm.tensor.TokenReader;
import org.jspecify.annotations.Nullable;

/** Steps in fewer launches, most of them steps of few rows. */
final class CudaFused implements FusedOperations {
  private static final int STORE_THREADS = 256;
  private static final int SAMPLE_THREADS = 1024;

  // As sampling.cu counts them.
  private static final int SAMPLE_SLICE = 4096;
  private static final int MOST_SLICES = 256;
  private static final int SAMPLE_WORK = 8 * 2048 + (8 + 4) * MOST_SLICES + 8;
  private static final int WARP = 32;

  private final Gpu gpu;
  private final MatVec few;
  private final Products products;
  private final ActivatedProducts activated;
  private final Attention attention;

  CudaFused(
      Gpu gpu, MatVec few, Products products, ActivatedProducts activated, Attention attention) {
    this.gpu = gpu;
    this.few = few;
    this.products = products;
    this.activated = activated;
    this.attention = attention;
  }

  @Override
  public boolean linears(Tensor[] outs, Tensor x, Tensor[] ws, @Nullable Tensor[] biases) {
    if (x.rows() > MatVec.ROWS || ws.length > MatVec.LAYERS) {
      return false;
    }
    // Mixtures of types give some layers more bits; those of one type go together.
    if (sameType(ws)) {
      few.linears(outs, x, ws, biases);
      return true;
    }
    for (int i = 0; i < ws.length; i++) {
      int next = i + 1;
      if (next < ws.length && ws[i].dtype() == ws[next].dtype()) {
        few.linears(
            new Tensor[] {outs[i], outs[next]},
            x,
            new Tensor[] {ws[i], ws[next]},
            new @Nullable Tensor[] {biases[i], biases[next]});
        i = next;
      } else {
        few.linear(outs[i], x, ws[i], biases[i], false);
      }
    }
    return true;
  }

  private static boolean sameType(Tensor[] ws) {
    DType first = ws[0].dtype();
    for (Tensor w : ws) {
      if (w.dtype() != first) {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean addLinear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    products.addLinear(out, x, w, bias);
    return true;
  }

  @Override
  public boolean gatedLinear(
      Tensor out,
      Tensor x,
      Tensor gate,
      @Nullable Tensor gateBias,
      Tensor up,
      @Nullable Tensor upBias,
      Activation activation) {
    if (x.rows() > MatVec.ROWS || gate.dtype() != up.dtype()) {
      return false;
    }
    few.gated(out, x, gate, gateBias, up, upBias, activation);
    return true;
  }

  @Override
  public boolean activatedLinear(
      Tensor out,
      Tensor x,
      Tensor w,
      @Nullable Tensor bias,
      Activation activation,
      @Nullable Tensor before) {
    return activated.linear(out, x, w, bias, activation, before);
  }

  @Override
  public boolean store(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor keys,
      Tensor values,
      @Nullable Tensor rotations,
      int headDim,
      RopePairing pairing,
      int row,
      @Nullable Tensor at) {
    if (q.rows() > MatVec.ROWS) {
      return false;
    }
    store(out, q, k, v, keys, values, null, rotations, headDim, pairing, row, at);
    return true;
  }

  @Override
  public boolean storeEach(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor keys,
      Tensor values,
      Tensor caches,
      @Nullable Tensor rotations,
      int headDim,
      RopePairing pairing,
      Tensor at) {
    store(out, q, k, v, keys, values, caches, rotations, headDim, pairing, 0, at);
    return true;
  }

  private void store(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor keys,
      Tensor values,
      @Nullable Tensor caches,
      @Nullable Tensor rotations,
      int headDim,
      RopePairing pairing,
      int row,
      @Nullable Tensor at) {
    int chunks = Math.ceilDiv(q.columns(), WARP) + 2 * Math.ceilDiv(k.columns(), WARP);
    gpu.kernel(KernelSource.STORE, "store", keys.dtype(), values.dtype())
        .tensors(out, keys, values, q, k, v, rotations, at, caches)
        .ints(
            row,
            q.columns(),
            k.columns(),
            headDim,
            rotations == null ? 0 : rotations.columns(),
            pairing.ordinal())
        .start(Math.ceilDiv(chunks, STORE_THREADS / WARP), q.rows(), 1, STORE_THREADS);
  }

  @Override
  public boolean attention(
      Tensor out,
      Tensor q,
      Tensor keys,
      Tensor values,
      AttentionSpec spec,
      int past,
      @Nullable Tensor at) {
    return attention.runFew(out, q, keys, values, spec, past, at);
  }

  @Override
  public boolean attentionEach(
      Tensor out,
      Tensor q,
      Tensor keys,
      Tensor values,
      Tensor caches,
      AttentionSpec spec,
      Tensor at) {
    attention.runEach(out, q, keys, values, spec, caches, at);
    return true;
  }

  @Override
  public boolean samples(int columns) {
    return columns <= SAMPLE_SLICE * MOST_SLICES;
  }

  @Override
  public void sample(
      Tensor out,
      @Nullable Tensor next,
      Tensor x,
      Tensor choices,
      @Nullable Tensor biases,
      boolean greedy) {
    int columns = x.columns();
    try (Scratch scratch = new Scratch(gpu)) {
      long works = scratch.bytes((long) x.rows() * SAMPLE_WORK);
      long lists = greedy ? 0 : scratch.bytes((long) x.rows() * columns * Long.BYTES);
      onEachSlice("sample_survey", x, choices, biases, works);
      if (!greedy) {
        onEachSlice("sample_weigh", x, choices, biases, works);
        onEachSlice("sample_gather", x, choices, biases, works, lists);
      }
      gpu.kernel(KernelSource.SAMPLING, "sample_choose")
          .tensors(out, next)
          .longs(works, lists)
          .tensors(x, biases, choices)
          .ints(columns)
          .start(1, x.rows(), 1, SAMPLE_THREADS);
    }
  }

  @Override
  public TokenReader tokenReader() {
    return new CudaTokenReader(gpu);
  }

  private void onEachSlice(
      String kernel, Tensor x, Tensor choices, @Nullable Tensor biases, long... memory) {
    gpu.kernel(KernelSource.SAMPLING, kernel)
        .longs(memory)
        .tensors(x, biases, choices)
        .ints(x.columns())
        .start(Math.ceilDiv(x.columns(), SAMPLE_SLICE), x.rows(), 1, SAMPLE_THREADS);
  }
}
