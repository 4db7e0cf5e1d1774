package jllm.format.model;

import java.util.Arrays;
import jllm.format.ModelFormatException;
import jllm.format.RopeScaling;
import jllm.format.WeightNames;
import jllm.format.gguf.GgufMetadata;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import org.jspecify.annotations.Nullable;

/** The hyperparameters in the metadata of a GGUF file. */
final class GgufParameters implements Parameters {
  static final String SHORT_FACTORS = "rope_factors_short.weight";
  static final String PARALLEL_RESIDUAL = "use_parallel_residual";

  /** GGUF has no key of its own for the activation, which the architecture's name stands for. */
  static final String ACTIVATION = "jllm.activation";

  /** Says that the output layer in the file is the token embedding once more. */
  static final String TIED = "jllm.tied_output";

  static final String LONG_FACTORS = "rope_factors_long.weight";

  /** The ramp of YaRN where the file does not give it (Peng et al. 2023, section 3.2). */
  private static final double BETA_FAST = 32;

  private static final double BETA_SLOW = 1;
  private static final int SOFTMAX_GATING = 1;

  private final String file;
  private final String architecture;
  private final GgufMetadata metadata;
  private final RopeFactors factors;

  /** Tensors of rope factors: read by name, absent if there is none; of {@code count} elements. */
  @FunctionalInterface
  interface RopeFactors {
    float @Nullable [] read(String name, int count);
  }

  GgufParameters(String file, String architecture, GgufMetadata metadata, RopeFactors factors) {
    this.file = file;
    this.architecture = architecture;
    this.metadata = metadata;
    this.factors = factors;
  }

  @Override
  public String file() {
    return file;
  }

  @Override
  public String key(Parameter parameter) {
    return "metadata key " + key(parameter.ggufKey());
  }

  private String key(String suffix) {
    return architecture + "." + suffix;
  }

  @Override
  public @Nullable Long integer(Parameter parameter) {
    return metadata.integer(key(parameter.ggufKey()));
  }

  @Override
  public @Nullable Double real(Parameter parameter) {
    return metadata.real(key(parameter.ggufKey()));
  }

  @Override
  public RopePairing pairing(RopePairing inGguf) {
    return inGguf;
  }

  @Override
  public boolean parallelResidual(boolean usual) {
    Boolean given = metadata.bool(key(PARALLEL_RESIDUAL));
    return given == null ? usual : given;
  }

  @Override
  public @Nullable Activation activation() {
    String name = metadata.text(ACTIVATION);
    if (name == null) {
      return null;
    }
    return Arrays.stream(Activation.values())
        .filter(known -> known.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            unsupported(
                "metadata key %s is %s; known are %s"
                    .formatted(ACTIVATION, name, Arrays.toString(Activation.values()))));
  }

  @Override
  public boolean renormalizesExperts() {
    Long gating = metadata.integer(key("expert_gating_func"));
    if (gating != null && gating != SOFTMAX_GATING) {
      throw unsupported(key("expert_gating_func") + " is " + gating + ", supported is 1 (softmax)");
    }
    Boolean renormalizes = metadata.bool(key("expert_weights_norm"));
    return renormalizes == null || renormalizes;
  }

  @Override
  public RopeScaling ropeScaling(int dimensions, int contextLength) {
    String type = metadata.text(key("rope.scaling.type"));
    double factor = scalingFactor();
    double magnitude = real("rope.scaling.attn_factor", 1);
    Long original = metadata.integer(key("rope.scaling.original_context_length"));
    int originalContext =
        original == null ? contextLength : Math.toIntExact(Math.clamp(original, 1, 1L << 30));
    float[] shortFactors = divisors(SHORT_FACTORS, dimensions / 2, factor);
    float[] longFactors = divisors(LONG_FACTORS, dimensions / 2, factor);
    if (shortFactors != null && longFactors != null) {
      return new RopeScaling.Divisors(
          shortFactors, longFactors, originalContext, (float) magnitude);
    }
    if (shortFactors != null || longFactors != null || "longrope".equals(type)) {
      throw unsupported(
          "tensor " + (shortFactors == null ? SHORT_FACTORS : LONG_FACTORS) + " is missing");
    }
    float[] all = divisors(WeightNames.ROPE_FREQUENCIES, dimensions / 2, factor);
    if (all != null) {
      return new RopeScaling.Divisors(all, all, originalContext, (float) magnitude);
    }
    return switch (type) {
      case "yarn" -> yarn(factor, originalContext, magnitude);
      case "none" -> new RopeScaling.None();
      case "linear" -> linear(factor, dimensions, originalContext, magnitude);
      case null -> linear(factor, dimensions, originalContext, magnitude);
      default ->
          throw unsupported(
              key("rope.scaling.type")
                  + " is "
                  + type
                  + "; known are none, linear, yarn and longrope");
    };
  }

  private double scalingFactor() {
    double factor = real("rope.scaling.factor", 0);
    if (factor == 0) {
      factor = real("rope.scale_linear", 0);
    }
    return factor == 0 ? 1 : factor;
  }

  private RopeScaling yarn(double factor, int originalContext, double magnitude) {
    return new RopeScaling.Yarn(
        factor,
        originalContext,
        real("rope.scaling.yarn_beta_fast", BETA_FAST),
        real("rope.scaling.yarn_beta_slow", BETA_SLOW),
        (float) (magnitude * RopeScaling.Yarn.magnitudeOf(factor)));
  }

  private static RopeScaling linear(
      double factor, int dimensions, int originalContext, double magnitude) {
    if (magnitude != 1) {
      float[] divisors = new float[dimensions / 2];
      Arrays.fill(divisors, (float) factor);
      return new RopeScaling.Divisors(divisors, divisors, originalContext, (float) magnitude);
    }
    return factor == 1 ? new RopeScaling.None() : new RopeScaling.Linear(factor);
  }

  private double real(String suffix, double otherwise) {
    Double value = metadata.real(key(suffix));
    if (value != null && !(value >= 0 && value < Float.MAX_VALUE)) {
      throw unsupported("metadata key " + key(suffix) + " is " + value);
    }
    return value == null ? otherwise : value;
  }

  /** The elements of a tensor of factors, each times {@code factor}; absent if the tensor is. */
  private float @Nullable [] divisors(String name, int count, double factor) {
    float[] divisors = factors.read(name, count);
    if (divisors == null) {
      return null;
    }
    for (int i = 0; i < count; i++) {
      divisors[i] *= (float) factor;
      if (!(divisors[i] > 0) || Float.isInfinite(divisors[i])) {
        throw unsupported(
            "tensor " + name + " holds " + divisors[i] + ", expected factors above 0");
      }
    }
    return divisors;
  }

  private ModelFormatException unsupported(String message) {
    return new ModelFormatException(file + ": " + message);
  }
}
