package jllm.tensor.cpu;

import jllm.ffi.kernels.KernelLibrary;
import jllm.tensor.Activation;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.HostMemory;
import jllm.tensor.Memory;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/**
 * The CPU backend: hands each operation to the kernel object that does it. Kernels keep the
 * operands of a call in fields and are tasks of one team of threads, so that a call allocates
 * nothing. With a {@link KernelLibrary}, what that has kernels for is computed by those: products,
 * which take nearly all of the time; weights are packed alike.
 */
public final class VectorBackend implements Backend {
  private final @Nullable KernelLibrary library;
  private final Workers workers;
  private final Packer packer;
  private final Embeddings embeddings = new Embeddings();
  private final Products products;
  private final Elementwise elementwise;
  private final Norms norms;
  private final Rope rope;
  private final Softmax softmax;
  private final Attention attention;
  private final Experts experts;
  private final NativeProducts nativeProducts;
  private final PlainProducts plainProducts;
  private final VectorTraining training;

  /** A backend of {@code threads} threads, the caller's included. */
  public VectorBackend(int threads) {
    this(threads, null);
  }

  /**
   * A backend of {@code threads} threads, the caller's included.
   *
   * @param library of native kernels, null to compute with the Vector API alone
   */
  public VectorBackend(int threads, @Nullable KernelLibrary library) {
    this.library = library;
    workers = new Workers(threads);
    packer = new Packer(workers, library);
    nativeProducts = new NativeProducts(workers, library);
    plainProducts = new PlainProducts(workers, nativeProducts, library);
    products = new Products(workers, plainProducts, nativeProducts, library);
    elementwise = new Elementwise(workers);
    norms = new Norms(workers);
    rope = new Rope(workers);
    softmax = new Softmax(workers);
    attention = new Attention(workers);
    experts = new Experts(workers);
    training = new VectorTraining(workers, plainProducts, rope, softmax, attention);
  }

  @Override
  public String describe() {
    return (library == null
            ? "vector (" + Lanes.BITS + "-bit"
            : "native (" + library.best().title())
        + ", "
        + workers.count()
        + (workers.count() == 1 ? " thread)" : " threads)");
  }

  @Override
  public DType activationType() {
    return DType.F32;
  }

  @Override
  public Tensor adopt(Tensor weight, WeightUse use, Memory memory) {
    return switch (use) {
      case LINEAR, TIED_EMBEDDING, EXPERTS -> packer.pack(weight, HostMemory.of(memory));
      case EMBEDDING -> weight;
      case VECTOR ->
          weight.dtype() == DType.F32
              ? weight
              : Conversions.convert(weight, DType.F32, HostMemory.of(memory));
    };
  }

  @Override
  public void embedding(Tensor out, Tensor table, Tensor ids) {
    embeddings.run(out, table, ids);
  }

  @Override
  public void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    products.linear(out, x, w, bias);
  }

  @Override
  public void rmsNorm(Tensor out, Tensor x, @Nullable Tensor weight, float eps) {
    norms.rms(out, x, weight, eps);
  }

  @Override
  public void layerNorm(
      Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    norms.layer(out, x, weight, bias, eps);
  }

  @Override
  public void rotations(Tensor out, Tensor positions, double[] frequencies, float magnitude) {
    Rope.rotations(out, positions, frequencies, magnitude);
  }

  @Override
  public void rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    rope.rope(out, x, rotations, headDim, pairing);
  }

  @Override
  public void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    attention.run(out, q, k, v, spec, sequences, past);
  }

  @Override
  public void gated(Tensor out, Tensor gate, Tensor up, Activation activation) {
    elementwise.gated(out, gate, up, activation);
  }

  @Override
  public void activate(Tensor out, Tensor x, Activation activation) {
    elementwise.activate(out, x, activation);
  }

  @Override
  public void add(Tensor out, Tensor a, Tensor b) {
    elementwise.add(out, a, b);
  }

  @Override
  public void mul(Tensor out, Tensor a, Tensor b) {
    elementwise.mul(out, a, b);
  }

  @Override
  public void scale(Tensor out, Tensor x, float factor) {
    elementwise.scale(out, x, factor);
  }

  @Override
  public void softCap(Tensor out, Tensor x, float cap) {
    elementwise.softCap(out, x, cap);
  }

  @Override
  public void softmax(Tensor out, Tensor x) {
    softmax.rows(out, x);
  }

  @Override
  public void copyRows(Tensor out, int at, Tensor x) {
    CacheRows.write(out, at, x);
  }

  @Override
  public boolean readsCacheOf(DType type) {
    return CacheRows.knows(type);
  }

  @Override
  public void topK(Tensor out, Tensor x) {
    Experts.topK(out, x);
  }

  @Override
  public void routingWeights(Tensor out, Tensor logits, Tensor experts, Routing routing) {
    Experts.weights(out, logits, experts, routing);
  }

  @Override
  public void expertLinear(Tensor out, Tensor x, Tensor w, Tensor experts) {
    products.experts(out, x, w, experts);
  }

  @Override
  public void combineExperts(Tensor out, Tensor x, Tensor weights) {
    this.experts.combine(out, x, weights);
  }

  @Override
  public TrainingKernels training() {
    return training;
  }

  @Override
  public void close() {
    workers.close();
    embeddings.close();
    products.close();
    elementwise.close();
    rope.close();
    attention.close();
    plainProducts.close();
    nativeProducts.close();
    training.close();
  }
}
