package jllm.format;

/**
 * The attention sublayer of every block.
 *
 * @param heads H, query heads
 * @param kvHeads K, key and value heads
 * @param headDim D, components of a head; H * D need not be the width
 * @param scale factor on the dot products, usually 1/sqrt(D)
 * @param softCap cap of the attention scores (Gemma 2); 0 = off
 * @param window positions a local layer sees; 0 = every layer sees all
 * @param windowPeriod in each group of this many layers the last one is global, the others local
 *     (Gemma 2: 2, Gemma 3: 6); 0 or 1 = all layers are local when there is a window
 * @param queryKeyNorm whether queries and keys pass a norm of width D (Qwen 3)
 * @param inputBias whether the query, key and value layers have a bias
 * @param outputBias whether the output layer has one
 */
public record AttentionConfig(
    int heads,
    int kvHeads,
    int headDim,
    float scale,
    float softCap,
    int window,
    int windowPeriod,
    boolean queryKeyNorm,
    boolean inputBias,
    boolean outputBias) {

  /** The window of a layer, 0 if it sees all positions before it. */
  public int window(int layer) {
    boolean global = windowPeriod > 1 && layer % windowPeriod == windowPeriod - 1;
    return global ? 0 : window;
  }
}
