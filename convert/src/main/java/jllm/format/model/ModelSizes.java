package jllm.format.model;

import jllm.format.ModelConfig;
import jllm.format.RopeScaling;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import org.jspecify.annotations.Nullable;

/**
 * The sizes of a new model. What else its family needs is as in that family's published models.
 *
 * @param vocabulary V
 * @param context positions
 * @param width C
 * @param layers blocks
 * @param heads H
 * @param kvHeads K
 * @param headDim D
 * @param hidden F
 * @param experts E, 0 = a dense model
 * @param expertsUsed experts a token goes to
 */
public record ModelSizes(
    int vocabulary,
    int context,
    int width,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    int hidden,
    int experts,
    int expertsUsed) {

  /** A dense model whose heads together are as wide as it is. */
  public static ModelSizes dense(
      int vocabulary, int context, int width, int layers, int heads, int kvHeads, int hidden) {
    return new ModelSizes(
        vocabulary, context, width, layers, heads, kvHeads, width / heads, hidden, 0, 0);
  }

  public ModelSizes withExperts(int experts, int used) {
    return new ModelSizes(
        vocabulary, context, width, layers, heads, kvHeads, headDim, hidden, experts, used);
  }

  public ModelSizes withHeadDim(int headDim) {
    return new ModelSizes(
        vocabulary, context, width, layers, heads, kvHeads, headDim, hidden, experts, expertsUsed);
  }

  /**
   * The configuration of a model of these sizes.
   *
   * @param architecture the family, as GGUF names it
   * @throws jllm.format.ModelFormatException if there is no such family or the sizes do not fit it
   */
  public ModelConfig config(String architecture) {
    Family family = Families.require(architecture, "a new model");
    return ConfigReader.read(
        family, new Given(this), vocabulary, family.hub().tied(), family::usuallyHas);
  }

  private record Given(ModelSizes sizes) implements Parameters {
    private static final double NORM_EPS = 1e-5;

    @Override
    public String file() {
      return "a new model";
    }

    @Override
    public String key(Parameter parameter) {
      return parameter.name();
    }

    @Override
    public @Nullable Long integer(Parameter parameter) {
      return switch (parameter) {
        case CONTEXT -> (long) sizes.context;
        case WIDTH -> (long) sizes.width;
        case LAYERS -> (long) sizes.layers;
        case HEADS -> (long) sizes.heads;
        case KV_HEADS -> (long) sizes.kvHeads;
        case HEAD_DIM -> (long) sizes.headDim;
        case HIDDEN -> (long) sizes.hidden;
        case EXPERTS -> (long) sizes.experts;
        case EXPERTS_USED -> sizes.experts > 0 ? Long.valueOf(sizes.expertsUsed) : null;
        default -> null;
      };
    }

    @Override
    public @Nullable Double real(Parameter parameter) {
      return switch (parameter) {
        case RMS_EPS, LAYER_EPS -> NORM_EPS;
        default -> null;
      };
    }

    @Override
    public RopePairing pairing(RopePairing inGguf) {
      return inGguf;
    }

    @Override
    public @Nullable Activation activation() {
      return null;
    }

    @Override
    public boolean renormalizesExperts() {
      return true;
    }

    @Override
    public RopeScaling ropeScaling(int dimensions, int contextLength) {
      return new RopeScaling.None();
    }
  }
}
