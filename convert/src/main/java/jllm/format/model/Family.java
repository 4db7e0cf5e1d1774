package jllm.format.model;

import java.util.List;
import jllm.format.NormConfig;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import org.jspecify.annotations.Nullable;

/**
 * What sets the models of one architecture apart where their files do not say it: one row of the
 * table in {@link Families}. Sizes, and whether there are biases, experts, or a separate output
 * layer, the files themselves say.
 *
 * @param architecture name in GGUF ({@code general.architecture}), also the prefix of its keys
 * @param modelTypes names in Hugging Face configurations ({@code model_type})
 * @param norm kind and placement of the norms
 * @param placement where they stand
 * @param queryKeyNorm whether queries and keys are normed
 * @param activation of the feed-forward layers where the file does not say
 * @param gated whether these have a gate
 * @param hiddenFactor feed-forward components per component of the width where the file does not
 *     say; 0: it must
 * @param fused whether query, key and value are one matrix, and gate and up, in files that this
 *     program writes
 * @param pairing which components rotary embedding turns together in GGUF files; absent: learned
 *     positions
 * @param scaledEmbedding whether the embedding is multiplied by the square root of the width
 * @param window sliding windows, absent if the family has none
 * @param caps soft caps where the file does not say, absent if the family has none
 * @param queryScale where the attention scale is not 1/sqrt(D)
 * @param hub the family's Hugging Face files
 */
record Family(
    String architecture,
    List<String> modelTypes,
    NormConfig.Kind norm,
    NormConfig.Placement placement,
    boolean queryKeyNorm,
    Activation activation,
    boolean gated,
    int hiddenFactor,
    boolean fused,
    @Nullable RopePairing pairing,
    boolean scaledEmbedding,
    @Nullable Window window,
    @Nullable Caps caps,
    QueryScale queryScale,
    HubFormat hub) {

  /**
   * Sliding windows.
   *
   * @param size positions where the file does not say
   * @param period see {@link jllm.format.AttentionConfig#windowPeriod}
   */
  record Window(DefaultWindow size, int period) {}

  /** The window of models whose files do not give one. */
  @FunctionalInterface
  interface DefaultWindow {
    int of(int layers, int contextLength);

    DefaultWindow NONE = (layers, contextLength) -> 0;
  }

  /** Caps of attention scores and of logits. */
  record Caps(float attention, float logits) {}

  /** The width whose inverse square root scales the attention scores. */
  @FunctionalInterface
  interface QueryScale {
    int of(int layers, int width, int heads, int headDim);

    QueryScale HEAD = (layers, width, heads, headDim) -> headDim;
  }
}
