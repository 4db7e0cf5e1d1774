package jllm.tensor;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The backend of the host, which leaves the last blocks of a model to a device that has no room for
 * all of them. What is not in a block is computed on the host. Both backends are their openers' to
 * close. It does not train.
 */
public final class OffloadingBackend implements Backend {
  private final Backend host;
  private final Backend device;
  private final int count;

  /**
   * @param count of the blocks that the device computes
   */
  public OffloadingBackend(Backend host, Backend device, int count) {
    if (host.activationType() != device.activationType()) {
      throw new IllegalArgumentException(
          "activations in %s on the host and in %s on the device"
              .formatted(host.activationType(), device.activationType()));
    }
    this.host = host;
    this.device = device;
    this.count = count;
  }

  @Override
  public OffloadedBlocks offloadedBlocks() {
    return new OffloadedBlocks(device, count);
  }

  @Override
  public String describe() {
    return "%s; %s on %s"
        .formatted(
            host.describe(),
            count == 1 ? "the last block" : "the last " + count + " blocks",
            device.describe());
  }

  @Override
  public DType activationType() {
    return host.activationType();
  }

  @Override
  public Memory memory() {
    return host.memory();
  }

  @Override
  public void synchronize() {
    device.synchronize();
    host.synchronize();
  }

  @Override
  public Tensor adopt(Tensor weight, WeightUse use, Memory memory) {
    return host.adopt(weight, use, memory);
  }

  @Override
  public void upload(Tensor to, MemorySegment from) {
    host.upload(to, from);
  }

  @Override
  public void download(MemorySegment to, Tensor from) {
    host.download(to, from);
  }

  @Override
  public void embedding(Tensor out, Tensor table, Tensor ids) {
    host.embedding(out, table, ids);
  }

  @Override
  public void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    host.linear(out, x, w, bias);
  }

  @Override
  public void rmsNorm(Tensor out, Tensor x, @Nullable Tensor weight, float eps) {
    host.rmsNorm(out, x, weight, eps);
  }

  @Override
  public void layerNorm(
      Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    host.layerNorm(out, x, weight, bias, eps);
  }

  @Override
  public void rotations(Tensor out, Tensor positions, double[] frequencies, float magnitude) {
    host.rotations(out, positions, frequencies, magnitude);
  }

  @Override
  public void rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    host.rope(out, x, rotations, headDim, pairing);
  }

  @Override
  public void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    host.attention(out, q, k, v, spec, sequences, past);
  }

  @Override
  public void gated(Tensor out, Tensor gate, Tensor up, Activation activation) {
    host.gated(out, gate, up, activation);
  }

  @Override
  public void activate(Tensor out, Tensor x, Activation activation) {
    host.activate(out, x, activation);
  }

  @Override
  public void add(Tensor out, Tensor a, Tensor b) {
    host.add(out, a, b);
  }

  @Override
  public void mul(Tensor out, Tensor a, Tensor b) {
    host.mul(out, a, b);
  }

  @Override
  public void scale(Tensor out, Tensor x, float factor) {
    host.scale(out, x, factor);
  }

  @Override
  public void softCap(Tensor out, Tensor x, float cap) {
    host.softCap(out, x, cap);
  }

  @Override
  public void softmax(Tensor out, Tensor x) {
    host.softmax(out, x);
  }

  @Override
  public boolean readsCacheOf(DType type) {
    return host.readsCacheOf(type) && device.readsCacheOf(type);
  }

  /** Copies rows where they are: those of a block's keys on the device, others on the host. */
  @Override
  public void copyRows(Tensor out, int at, Tensor x) {
    (x.isOnHost() ? host : device).copyRows(out, at, x);
  }

  @Override
  public void topK(Tensor out, Tensor x) {
    host.topK(out, x);
  }

  @Override
  public void routingWeights(Tensor out, Tensor logits, Tensor experts, Routing routing) {
    host.routingWeights(out, logits, experts, routing);
  }

  @Override
  public void expertLinear(Tensor out, Tensor x, Tensor w, Tensor experts) {
    host.expertLinear(out, x, w, experts);
  }

  @Override
  public void combineExperts(Tensor out, Tensor x, Tensor weights) {
    host.combineExperts(out, x, weights);
  }

  @Override
  public TrainingKernels training() {
    return host.training();
  }

  /** Leaves both backends open. */
  @Override
  public void close() {}
}
