package jllm.format.model;

import java.util.List;
import java.util.Set;
import jllm.format.NormConfig;
import jllm.format.WeightNames;
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
 * @param biases what has biases in its published models
 * @param fused whether query, key and value are one matrix, and gate and up, in files that this
 *     program writes
 * @param pairing which components rotary embedding turns together in GGUF files; absent: learned
 *     positions
 * @param scaledEmbedding whether the embedding is multiplied by the square root of the width
 * @param parallelResidual whether attention and feed-forward read the same residual, where the file
 *     does not say
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
    Set<Bias> biases,
    boolean fused,
    @Nullable RopePairing pairing,
    boolean scaledEmbedding,
    boolean parallelResidual,
    @Nullable Window window,
    @Nullable Caps caps,
    QueryScale queryScale,
    HubFormat hub) {

  /** What may have a bias. */
  enum Bias {
    NORMS,
    QUERY_KEY_VALUE,
    ATTENTION_OUTPUT,
    FEED_FORWARD;

    static final Set<Bias> NONE = Set.of();
    static final Set<Bias> ALL = Set.of(values());
  }

  /**
   * Whether a new model of the family has a weight of that name, where that is a matter of choice:
   * biases, fused matrices.
   */
  boolean usuallyHas(String name) {
    if (name.endsWith(".bias")) {
      return biases.contains(
          name.contains("norm")
              ? Bias.NORMS
              : name.contains(WeightNames.ATTENTION_OUTPUT)
                  ? Bias.ATTENTION_OUTPUT
                  : name.contains("attn_") ? Bias.QUERY_KEY_VALUE : Bias.FEED_FORWARD);
    }
    return name.contains(WeightNames.QUERY_KEY_VALUE) == fused;
  }

  /**
   * Whether GGUF files repeat the token embedding as the output layer where that is what it is, as
   * llama.cpp's loader of GPT-2 wants.
   */
  boolean repeatsEmbedding() {
    return architecture.equals("gpt2");
  }

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
