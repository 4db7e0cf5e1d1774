package jllm.tensor.cpu;

import java.lang.foreign.SegmentAllocator;
import jllm.tensor.Activation;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import org.jspecify.annotations.Nullable;

/**
 * The CPU backend: hands each operation to the kernel object that does it. Kernels keep the operands of a call in fields and
 * are tasks of one team of threads, so that a call allocates nothing.
 */
public final class VectorBackend implements Backend {
  private final Workers workers;

  /** A backend of {@code threads} threads, the caller's included. */
  public VectorBackend(int threads) {
    workers = new Workers(threads);
  }

  @Override
  public String describe() {
    return "vector (" + Lanes.BITS + "-bit, " + workers.count() + (workers.count() == 1 ? " thread)" : " threads)");
  }

  @Override
  public DType activationType() {
    return DType.F32;
  }

  @Override
  public Tensor adopt(Tensor weight, WeightUse use, SegmentAllocator arena) {
    return weight;
  }

  @Override
  public void embedding(Tensor out, Tensor table, Tensor ids) {
    throw new UnsupportedOperationException("embedding");
  }

  @Override
  public void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    throw new UnsupportedOperationException("linear");
  }

  @Override
  public void rmsNorm(Tensor out, Tensor x, @Nullable Tensor weight, float eps) {
    throw new UnsupportedOperationException("rmsNorm");
  }

  @Override
  public void layerNorm(Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    throw new UnsupportedOperationException("layerNorm");
  }

  @Override
  public void rotations(Tensor out, Tensor positions, double[] frequencies, float magnitude) {
    throw new UnsupportedOperationException("rotations");
  }

  @Override
  public void rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    throw new UnsupportedOperationException("rope");
  }

  @Override
  public void attention(Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    throw new UnsupportedOperationException("attention");
  }

  @Override
  public void gated(Tensor out, Tensor gate, Tensor up, Activation activation) {
    throw new UnsupportedOperationException("gated");
  }

  @Override
  public void activate(Tensor out, Tensor x, Activation activation) {
    throw new UnsupportedOperationException("activate");
  }

  @Override
  public void add(Tensor out, Tensor a, Tensor b) {
    throw new UnsupportedOperationException("add");
  }

  @Override
  public void mul(Tensor out, Tensor a, Tensor b) {
    throw new UnsupportedOperationException("mul");
  }

  @Override
  public void scale(Tensor out, Tensor x, float factor) {
    throw new UnsupportedOperationException("scale");
  }

  @Override
  public void softCap(Tensor out, Tensor x, float cap) {
    throw new UnsupportedOperationException("softCap");
  }

  @Override
  public void softmax(Tensor out, Tensor x) {
    throw new UnsupportedOperationException("softmax");
  }

  @Override
  public void copyRows(Tensor out, int at, Tensor x) {
    throw new UnsupportedOperationException("copyRows");
  }

  @Override
  public void topK(Tensor out, Tensor x) {
    throw new UnsupportedOperationException("topK");
  }

  @Override
  public void routingWeights(Tensor out, Tensor logits, Tensor experts, Routing routing) {
    throw new UnsupportedOperationException("routingWeights");
  }

  @Override
  public void expertLinear(Tensor out, Tensor x, Tensor w, Tensor experts) {
    throw new UnsupportedOperationException("expertLinear");
  }

  @Override
  public void combineExperts(Tensor out, Tensor x, Tensor weights) {
    throw new UnsupportedOperationException("combineExperts");
  }

  @Override
  public void close() {
    workers.close();
  }
}
