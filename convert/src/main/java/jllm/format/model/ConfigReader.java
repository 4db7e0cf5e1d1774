package jllm.format.model;

import java.util.function.Predicate;
import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.WeightNames;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;

/** From the row of a family and the hyperparameters in a file to a configuration. */
final class ConfigReader {
  private static final int MAX_SIZE = 1 << 28;

  private final Family family;
  private final Parameters parameters;
  private final Predicate<String> has;
  private final int width;
  private final int layers;
  private final int contextLength;

  private ConfigReader(Family family, Parameters parameters, Predicate<String> has) {
    this.family = family;
    this.parameters = parameters;
    this.has = has;
    this.width = bounded(Parameter.WIDTH, parameters.size(Parameter.WIDTH));
    this.layers = parameters.size(Parameter.LAYERS);
    this.contextLength = parameters.size(Parameter.CONTEXT);
  }

  /**
   * The configuration of a model.
   *
   * @param vocabularySize rows of the token embedding
   * @param tied whether the output layer is the token embedding
   * @param has whether the file has a weight of that name; optional ones say what the model is
   */
  static ModelConfig read(
      Family family,
      Parameters parameters,
      int vocabularySize,
      boolean tied,
      Predicate<String> has) {
    return new ConfigReader(family, parameters, has).config(vocabularySize, tied);
  }

  private ModelConfig config(int vocabularySize, boolean tied) {
    int announced = parameters.size(Parameter.VOCABULARY, vocabularySize);
    if (announced > vocabularySize) {
      throw contradiction(
          "%s is %d, but the token embedding has %d rows"
              .formatted(parameters.key(Parameter.VOCABULARY), announced, vocabularySize));
    }
    AttentionConfig attention = attention();
    return new ModelConfig(
        family.architecture(),
        vocabularySize,
        contextLength,
        width,
        layers,
        attention,
        feedForward(),
        norm(),
        position(attention.headDim()),
        multipliers(),
        parameters.parallelResidual(family.parallelResidual()),
        tied);
  }

  private AttentionConfig attention() {
    int heads = parameters.size(Parameter.HEADS);
    int kvHeads = parameters.size(Parameter.KV_HEADS, heads);
    if (kvHeads < 1 || heads % kvHeads != 0) {
      throw contradiction(
          heads + " query heads cannot share " + kvHeads + " key heads: no whole number each");
    }
    int headDim = headDim(heads);
    Family.Window window = family.window();
    Family.Caps caps = family.caps();
    int size =
        window == null
            ? 0
            : parameters.size(Parameter.WINDOW, window.size().of(layers, contextLength));
    double scale = 1 / Math.sqrt(family.queryScale().of(layers, width, heads, headDim));
    return new AttentionConfig(
        heads,
        kvHeads,
        headDim,
        (float) factor(Parameter.ATTENTION_SCALE, scale),
        caps == null ? 0 : (float) parameters.number(Parameter.ATTENTION_CAP, caps.attention()),
        size,
        window == null || size == 0 ? 1 : window.period(),
        family.queryKeyNorm(),
        hasBias(WeightNames.QUERY_KEY_VALUE) || hasBias(WeightNames.QUERY),
        hasBias(WeightNames.ATTENTION_OUTPUT));
  }

  private int headDim(int heads) {
    Long given = parameters.integer(Parameter.HEAD_DIM);
    if (given == null && width % heads != 0) {
      throw contradiction(
          "the width " + width + " is no multiple of the number of heads, " + heads);
    }
    int headDim = given == null ? width / heads : parameters.size(Parameter.HEAD_DIM);
    int valueDim = parameters.size(Parameter.VALUE_DIM, headDim);
    if (valueDim != headDim) {
      throw contradiction(
          "keys of width "
              + headDim
              + " and values of width "
              + valueDim
              + " in a head: different widths are not supported");
    }
    if ((long) heads * headDim > MAX_SIZE) {
      throw contradiction(heads + " heads of width " + headDim + " make no sense");
    }
    return headDim;
  }

  private FeedForwardConfig feedForward() {
    int experts = parameters.size(Parameter.EXPERTS, 0);
    int hidden =
        family.hiddenFactor() > 0
            ? parameters.size(Parameter.HIDDEN, width * family.hiddenFactor())
            : parameters.size(Parameter.HIDDEN);
    Routing routing = null;
    if (experts > 0) {
      hidden = parameters.size(Parameter.EXPERT_HIDDEN, hidden);
      routing = routing(experts);
    }
    return new FeedForwardConfig(
        bounded(Parameter.HIDDEN, hidden),
        activation(),
        family.gated(),
        hasBias(WeightNames.UP),
        experts,
        routing);
  }

  private Routing routing(int experts) {
    int used = parameters.size(Parameter.EXPERTS_USED);
    if (used > experts) {
      throw contradiction("a token goes to " + used + " of " + experts + " experts");
    }
    float scale = (float) factor(Parameter.EXPERT_SCALE, 1);
    return new Routing(used, parameters.renormalizesExperts(), scale);
  }

  private Activation activation() {
    Activation given = parameters.activation();
    return given == null ? family.activation() : given;
  }

  private NormConfig norm() {
    boolean rms = family.norm() == NormConfig.Kind.RMS;
    double eps = parameters.number(rms ? Parameter.RMS_EPS : Parameter.LAYER_EPS);
    boolean bias = has.test(WeightNames.OUTPUT_NORM + ".bias");
    return new NormConfig(family.norm(), (float) eps, bias, family.placement());
  }

  private PositionConfig position(int headDim) {
    RopePairing pairing = family.pairing();
    if (pairing == null) {
      return parameters.sinusoidal()
          ? new PositionConfig.Sinusoidal()
          : new PositionConfig.Learned(contextLength);
    }
    int dimensions = parameters.size(Parameter.ROPE_DIMENSIONS, headDim);
    if (dimensions < 2 || dimensions > headDim || dimensions % 2 != 0) {
      throw contradiction(
          parameters.key(Parameter.ROPE_DIMENSIONS)
              + " is "
              + dimensions
              + ", expected an even number up to the width of a head, "
              + headDim);
    }
    double base = parameters.number(Parameter.ROPE_BASE, 10_000);
    if (base <= 1) {
      throw contradiction(parameters.key(Parameter.ROPE_BASE) + " is " + base);
    }
    RopeScaling scaling = parameters.ropeScaling(dimensions, contextLength);
    return new PositionConfig.Rope(base, base, dimensions, parameters.pairing(pairing), scaling);
  }

  private ModelConfig.Multipliers multipliers() {
    Family.Caps caps = family.caps();
    return new ModelConfig.Multipliers(
        family.scaledEmbedding() ? (float) Math.sqrt(width) : 1,
        1,
        1,
        caps == null ? 0 : (float) parameters.number(Parameter.FINAL_CAP, caps.logits()));
  }

  /** Sums of a few such sizes (fused matrices) must fit an int. */
  private int bounded(Parameter parameter, int size) {
    if (size > MAX_SIZE) {
      throw contradiction(parameters.key(parameter) + " is " + size + ", which makes no sense");
    }
    return size;
  }

  /** A factor; some converters write 0 for "none". */
  private double factor(Parameter parameter, double otherwise) {
    double value = parameters.number(parameter, otherwise);
    return value == 0 ? otherwise : value;
  }

  /** Whether the first block has it: the check of the weights expects it in all of them then. */
  private boolean hasBias(String part) {
    return has.test(WeightNames.block(0, part, "bias"));
  }

  private ModelFormatException contradiction(String message) {
    return new ModelFormatException(parameters.file() + ": " + message);
  }
}
