package jllm.train.model;

import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.model.ModelArchitectures;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import jllm.train.SettingsException;
import org.jspecify.annotations.Nullable;

/**
 * What a new model looks like, but for its vocabulary.
 *
 * @param layers L, blocks
 * @param heads H
 * @param kvHeads K, of which H is a multiple
 * @param width C, a multiple of H
 * @param hidden F, components between the feed-forward layers (of one expert)
 * @param context positions
 * @param norm of all norms; layer norms have a bias where the linear layers have one
 * @param activation of the feed-forward layers
 * @param gated whether a gate multiplies the activation
 * @param position how the model knows the order of its tokens
 * @param bias which linear layers have biases
 * @param tied whether the output layer is the token embedding
 * @param experts E, 0 = dense
 * @param expertsUsed experts a token goes to
 * @param ropeBase theta of rotary positions
 * @param normEps added to the variance or mean square
 */
public record ModelShape(
    int layers,
    int heads,
    int kvHeads,
    int width,
    int hidden,
    int context,
    NormConfig.Kind norm,
    Activation activation,
    boolean gated,
    Position position,
    Bias bias,
    boolean tied,
    int experts,
    int expertsUsed,
    double ropeBase,
    float normEps) {

  /** How a model knows the order of its tokens. */
  public enum Position {
    /** Rotary embedding of queries and keys (Su et al. 2021). */
    ROPE,
    /** A trained vector per position (GPT-2). */
    LEARNED,
    /** Sines and cosines (Vaswani et al. 2017, section 3.5). */
    SINUSOIDAL
  }

  /** Which linear layers have a bias. */
  public enum Bias {
    NONE,
    /** Query, key and value (Qwen 2). */
    QUERY_KEY_VALUE,
    /** All (GPT-2). */
    ALL
  }

  static final double ROPE_BASE = 10_000;
  private static final float NORM_EPS = 1e-5f;

  /** Feed-forward components of gated layers are rounded up to a multiple of this. */
  private static final int HIDDEN_MULTIPLE = 32;

  /** A model with GPT-2's blocks: layer norm, learned positions, GELU, biases, tied output. */
  public static ModelShape gpt2(int layers, int heads, int width, int context) {
    return new ModelShape(
        layers,
        heads,
        heads,
        width,
        usualHidden(width, false),
        context,
        NormConfig.Kind.LAYER,
        Activation.GELU_TANH,
        false,
        Position.LEARNED,
        Bias.ALL,
        true,
        0,
        0,
        ROPE_BASE,
        NORM_EPS);
  }

  /** A model with Llama's blocks: RMS norm, rotary positions, SwiGLU, no biases. */
  public static ModelShape llama(
      int layers, int heads, int kvHeads, int width, int hidden, int context, boolean tied) {
    return new ModelShape(
        layers,
        heads,
        kvHeads,
        width,
        hidden,
        context,
        NormConfig.Kind.RMS,
        Activation.SILU,
        true,
        Position.ROPE,
        Bias.NONE,
        tied,
        0,
        0,
        ROPE_BASE,
        NORM_EPS);
  }

  /**
   * Feed-forward components of a usual model: 4 times its width, or 8/3 with a gate (the same
   * number of weights), rounded up to a multiple of 32.
   */
  public static int usualHidden(int width, boolean gated) {
    if (!gated) {
      return Math.multiplyExact(4, width);
    }
    long exact = (8L * width + 2) / 3;
    return Math.toIntExact((exact + HIDDEN_MULTIPLE - 1) / HIDDEN_MULTIPLE * HIDDEN_MULTIPLE);
  }

  /** This shape with fields replaced; those that were not given and depend on them follow. */
  public ModelShape with(ModelOverrides changes) {
    return changes.applyTo(this);
  }

  /** Components of a head. */
  public int headDim() {
    return width / heads;
  }

  /**
   * The configuration of a model of this shape. Its architecture is the one of those that Hugging
   * Face and llama.cpp know where there is one, otherwise {@link ModelArchitectures#OWN}.
   *
   * @param vocabulary V, rows of the token embedding
   * @throws SettingsException if the numbers do not fit each other
   */
  public ModelConfig config(int vocabulary) {
    check(vocabulary);
    return ModelArchitectures.named(
        new ModelConfig(
            ModelArchitectures.OWN,
            vocabulary,
            context,
            width,
            layers,
            attention(),
            new FeedForwardConfig(hidden, activation, gated, bias == Bias.ALL, experts, routing()),
            new NormConfig(
                norm,
                normEps,
                norm == NormConfig.Kind.LAYER && bias == Bias.ALL,
                NormConfig.Placement.PRE),
            switch (position) {
              case ROPE ->
                  new PositionConfig.Rope(
                      ropeBase,
                      ropeBase,
                      headDim(),
                      RopePairing.HALF_SPLIT,
                      new RopeScaling.None());
              case LEARNED -> new PositionConfig.Learned(context);
              case SINUSOIDAL -> new PositionConfig.Sinusoidal();
            },
            ModelConfig.Multipliers.NONE,
            /* parallelResidual= */ false,
            tied));
  }

  private AttentionConfig attention() {
    return new AttentionConfig(
        heads,
        kvHeads,
        headDim(),
        (float) (1 / Math.sqrt(headDim())),
        0,
        0,
        1,
        false,
        bias != Bias.NONE,
        bias == Bias.ALL);
  }

  private @Nullable Routing routing() {
    return experts == 0 ? null : new Routing(expertsUsed, true, 1);
  }

  private void check(int vocabulary) {
    positive("the vocabulary", vocabulary);
    positive("the number of layers", layers);
    positive("the number of heads", heads);
    positive("the number of key/value heads", kvHeads);
    positive("the width", width);
    positive("the feed-forward width", hidden);
    positive("the context", context);
    require(
        width % heads == 0,
        "a width of %d cannot be divided among %d heads; use a multiple of %d, such as %d, or %s heads",
        width,
        heads,
        heads,
        Math.max(1, Math.round((float) width / heads)) * heads,
        divisors());
    require(
        heads % kvHeads == 0,
        "%d query heads cannot share %d key/value heads; their number must divide %d",
        heads,
        kvHeads,
        heads);
    require(
        position != Position.ROPE || headDim() % 2 == 0,
        "rotary positions turn pairs of components, but a head has %d (width %d / %d heads); use an"
            + " even number",
        headDim(),
        width,
        heads);
    require(
        ropeBase > 1 && ropeBase < Double.POSITIVE_INFINITY,
        "the base of the rotary positions is %s, expected more than 1",
        ropeBase);
    require(
        normEps >= 0 && normEps < 1, "the epsilon of the norms is %s, expected a little", normEps);
    checkExperts();
  }

  private void checkExperts() {
    require(experts >= 0, "the number of experts is %d, expected 0 (none) or more", experts);
    if (experts > 0) {
      require(
          expertsUsed >= 1 && expertsUsed <= experts,
          "a token goes to %d of %d experts; expected 1 to %d",
          expertsUsed,
          experts,
          experts);
      require(gated, "experts have a gate; leave the gate of the feed-forward layers on");
      require(bias != Bias.ALL, "experts have no biases; switch the biases off");
    }
  }

  /** Numbers of heads that fit, near the one that was asked for. */
  private String divisors() {
    int below = heads;
    while (width % below != 0) {
      below--;
    }
    int above = Math.min(heads, width);
    while (width % above != 0) {
      above++;
    }
    return below == above ? String.valueOf(below) : below + " or " + above;
  }

  private static void positive(String what, int value) {
    require(value > 0, "%s is %d, expected at least 1", what, value);
  }

  private static void require(boolean condition, String message, Object... arguments) {
    if (!condition) {
      throw new SettingsException(String.format(message, arguments));
    }
  }
}
