package jllm.bench;

import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.StoredTensor;
import jllm.model.KvCache;
import jllm.tensor.DType;
import jllm.tensor.Routing;

/**
 * Bytes that generating with a model takes.
 *
 * @param weights as they are stored; the CPU's kernels rearrange them, and need no more
 * @param cache keys and values of all positions
 * @param activations of a step, estimated
 */
public record MemoryNeed(long weights, long cache, long activations) {

  /**
   * The need of a session.
   *
   * @param context positions
   * @param batch rows of a prompt that are computed at once
   * @throws ArithmeticException if a number of bytes has more than 63 bits
   */
  public static MemoryNeed of(ModelFile model, int context, int batch) {
    ModelConfig config = model.config();
    long weights = model.tensors().stream().mapToLong(StoredTensor::bytes).sum();
    long activations = Math.min(context, batch) * floatsPerRow(config) + config.vocabularySize();
    return new MemoryNeed(
        weights, KvCache.bytes(config, context, DType.F32), activations * Float.BYTES);
  }

  public long total() {
    return weights + cache + activations;
  }

  /** The residual and its norm, and what the larger half of a block holds at once. */
  private static long floatsPerRow(ModelConfig config) {
    AttentionConfig attention = config.attention();
    FeedForwardConfig feedForward = config.feedForward();
    Routing routing = feedForward.routing();
    long copies = routing == null ? 1 : routing.used();
    long queries = (long) attention.heads() * attention.headDim();
    long keys = (long) attention.kvHeads() * attention.headDim();
    long inAttention = 3 * queries + 3 * keys;
    long inFeedForward = (feedForward.gated() ? 3 : 2) * copies * feedForward.hidden();
    return 4L * config.width() + Math.max(inAttention, inFeedForward);
  }
}
