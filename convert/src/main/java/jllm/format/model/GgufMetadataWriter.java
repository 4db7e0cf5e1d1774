package jllm.format.model;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.gguf.GgmlType;
import jllm.format.gguf.GgufMetadata;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.tensor.Activation;
import jllm.tensor.Routing;
import org.jspecify.annotations.Nullable;

/** From a configuration to the metadata of a GGUF file. */
final class GgufMetadataWriter {
  /** Version of the block layouts, which readers look at where there are any. */
  private static final int QUANTIZATION_VERSION = 2;

  /** Values of {@code general.file_type} ({@code enum llama_ftype} of llama.h). */
  private static final Map<GgmlType, Integer> FILE_TYPES =
      Map.ofEntries(
          Map.entry(GgmlType.F32, 0),
          Map.entry(GgmlType.F16, 1),
          Map.entry(GgmlType.Q4_0, 2),
          Map.entry(GgmlType.Q4_1, 3),
          Map.entry(GgmlType.Q8_0, 7),
          Map.entry(GgmlType.Q5_0, 8),
          Map.entry(GgmlType.Q5_1, 9),
          Map.entry(GgmlType.Q2_K, 10),
          Map.entry(GgmlType.Q3_K, 12),
          Map.entry(GgmlType.Q4_K, 15),
          Map.entry(GgmlType.Q5_K, 17),
          Map.entry(GgmlType.Q6_K, 18),
          Map.entry(GgmlType.IQ4_NL, 25),
          Map.entry(GgmlType.IQ4_XS, 30),
          Map.entry(GgmlType.BF16, 32));

  private static final Set<Activation> GELUS =
      EnumSet.of(Activation.GELU_TANH, Activation.GELU_ERF);

  private final ModelConfig config;
  private final Family family;
  private final Map<String, GgufValue> metadata = new LinkedHashMap<>();

  GgufMetadataWriter(ModelConfig config, Family family) {
    this.config = config;
    this.family = family;
  }

  /** A configuration as it reads from GGUF, which has its own pairing and kinds of scaling. */
  static ModelConfig normalized(ModelConfig config) {
    Family family = Families.require(config.architecture(), "GGUF");
    if (!(config.position() instanceof PositionConfig.Rope rope) || family.pairing() == null) {
      return config;
    }
    RopeScaling scaling =
        switch (rope.scaling()) {
          case RopeScaling.Llama3 _ -> asDivisors(rope, config.contextLength());
          case RopeScaling.Linear linear -> new RopeScaling.Linear((float) linear.factor());
          case RopeScaling.Yarn yarn -> asStored(yarn);
          case RopeScaling other -> other;
        };
    float base = (float) rope.base();
    PositionConfig position =
        new PositionConfig.Rope(
            base,
            rope.localBase() == rope.base() ? base : rope.localBase(),
            rope.dimensions(),
            family.pairing(),
            scaling);
    return new ModelConfig(
        config.architecture(),
        config.vocabularySize(),
        config.contextLength(),
        config.width(),
        config.layers(),
        config.attention(),
        config.feedForward(),
        config.norm(),
        position,
        config.multipliers(),
        config.parallelResidual(),
        config.tiedOutput());
  }

  /** Numbers are single precision in GGUF, and the magnitude is relative to the usual one. */
  private static RopeScaling asStored(RopeScaling.Yarn yarn) {
    double factor = (float) yarn.factor();
    double usual = RopeScaling.Yarn.magnitudeOf(factor);
    float magnitude = yarn.attentionFactor();
    for (int i = 0; i < 4; i++) { // until rounding changes it no more
      magnitude = (float) ((float) (magnitude / usual) * usual);
    }
    return new RopeScaling.Yarn(
        factor,
        yarn.originalContext(),
        (float) yarn.betaFast(),
        (float) yarn.betaSlow(),
        magnitude);
  }

  private static RopeScaling asDivisors(PositionConfig.Rope rope, int contextLength) {
    PositionConfig.Rope plain =
        new PositionConfig.Rope(
            rope.base(),
            rope.localBase(),
            rope.dimensions(),
            rope.pairing(),
            new RopeScaling.None());
    double[] unscaled = plain.frequencies(false, contextLength);
    double[] scaled = rope.frequencies(false, contextLength);
    float[] divisors = new float[scaled.length];
    for (int pair = 0; pair < divisors.length; pair++) {
      divisors[pair] = (float) (unscaled[pair] / scaled[pair]);
    }
    return new RopeScaling.Divisors(divisors, divisors, contextLength, 1);
  }

  /**
   * The metadata of a file with these tensors.
   *
   * @throws IllegalArgumentException if they would not read back as the configuration
   */
  Map<String, GgufValue> write(List<GgufWriter.Entry> tensors) {
    metadata.put(GgufModel.ARCHITECTURE, GgufValue.text(config.architecture()));
    metadata.put("general.type", GgufValue.text("model"));
    fileType(tensors);
    put(Parameter.VOCABULARY, config.vocabularySize());
    put(Parameter.CONTEXT, config.contextLength());
    put(Parameter.WIDTH, config.width());
    put(Parameter.LAYERS, config.layers());
    attention(config.attention());
    feedForward(config.feedForward());
    boolean rms = config.norm().kind() == NormConfig.Kind.RMS;
    put(rms ? Parameter.RMS_EPS : Parameter.LAYER_EPS, config.norm().eps());
    if (config.position() instanceof PositionConfig.Rope rope) {
      put(Parameter.ROPE_DIMENSIONS, rope.dimensions());
      put(Parameter.ROPE_BASE, (float) rope.base());
      scaling(rope.scaling());
    }
    if (family.parallelResidual()) {
      metadata.put(
          key(GgufParameters.PARALLEL_RESIDUAL), GgufValue.bool(config.parallelResidual()));
    }
    if (config.tiedOutput() && family.repeatsEmbedding()) {
      metadata.put(GgufParameters.TIED, GgufValue.bool(true));
    }
    check(tensors);
    return metadata;
  }

  private void put(Parameter parameter, int value) {
    metadata.put(key(parameter.ggufKey()), GgufValue.u32(value));
  }

  private void put(Parameter parameter, float value) {
    metadata.put(key(parameter.ggufKey()), GgufValue.f32(value));
  }

  private String key(String suffix) {
    return config.architecture() + "." + suffix;
  }

  private void fileType(List<GgufWriter.Entry> tensors) {
    Map<GgmlType, Long> elements = new HashMap<>();
    for (GgufWriter.Entry tensor : tensors) {
      if (tensor.shape().rank() > 1) {
        elements.merge(tensor.type(), tensor.shape().elements(), Long::sum);
      }
    }
    elements.entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(most -> FILE_TYPES.get(most.getKey()))
        .ifPresent(type -> metadata.put("general.file_type", GgufValue.u32(type)));
    metadata.put("general.quantization_version", GgufValue.u32(QUANTIZATION_VERSION));
  }

  private void attention(AttentionConfig attention) {
    put(Parameter.HEADS, attention.heads());
    put(Parameter.KV_HEADS, attention.kvHeads());
    if (family.pairing() != null) {
      put(Parameter.HEAD_DIM, attention.headDim());
      put(Parameter.VALUE_DIM, attention.headDim());
    }
    Family.Window window = family.window();
    if (window != null && (attention.window() > 0 || window.size() != Family.DefaultWindow.NONE)) {
      put(Parameter.WINDOW, attention.window());
    }
    if (family.caps() != null) {
      put(Parameter.ATTENTION_CAP, attention.softCap());
      put(Parameter.FINAL_CAP, config.multipliers().finalSoftCap());
    }
    int usual =
        family
            .queryScale()
            .of(config.layers(), config.width(), attention.heads(), attention.headDim());
    if (attention.scale() != (float) (1 / Math.sqrt(usual))) {
      put(Parameter.ATTENTION_SCALE, attention.scale());
    }
  }

  private void feedForward(FeedForwardConfig feedForward) {
    put(Parameter.HIDDEN, feedForward.hidden());
    if (feedForward.activation() != family.activation() && isNear(feedForward.activation())) {
      metadata.put(GgufParameters.ACTIVATION, GgufValue.text(feedForward.activation().name()));
    }
    Routing routing = feedForward.routing();
    if (routing != null) {
      if (family != Families.LLAMA) {
        put(Parameter.EXPERT_HIDDEN, feedForward.hidden());
      }
      put(Parameter.EXPERTS, feedForward.experts());
      put(Parameter.EXPERTS_USED, routing.used());
      if (routing.scale() != 1) {
        put(Parameter.EXPERT_SCALE, routing.scale());
      }
      if (!routing.renormalize()) {
        metadata.put(key("expert_weights_norm"), GgufValue.bool(false));
      }
    }
  }

  /** Whether it is so near to the family's that other programs lose next to nothing. */
  private boolean isNear(Activation activation) {
    return GELUS.contains(activation) && GELUS.contains(family.activation());
  }

  private void scaling(RopeScaling scaling) {
    switch (scaling) {
      case RopeScaling.None _ -> {}
      case RopeScaling.Linear linear -> {
        metadata.put(key("rope.scaling.type"), GgufValue.text("linear"));
        metadata.put(key("rope.scaling.factor"), GgufValue.f32((float) linear.factor()));
      }
      case RopeScaling.Yarn yarn -> {
        metadata.put(key("rope.scaling.type"), GgufValue.text("yarn"));
        metadata.put(key("rope.scaling.factor"), GgufValue.f32((float) yarn.factor()));
        putOriginalContext(yarn.originalContext());
        metadata.put(key("rope.scaling.yarn_beta_fast"), GgufValue.f32((float) yarn.betaFast()));
        metadata.put(key("rope.scaling.yarn_beta_slow"), GgufValue.f32((float) yarn.betaSlow()));
        putMagnitude(
            (float) (yarn.attentionFactor() / RopeScaling.Yarn.magnitudeOf(yarn.factor())));
      }
      case RopeScaling.Divisors divisors -> {
        boolean two = !divisors.sameForAllLengths();
        if (two) {
          metadata.put(key("rope.scaling.type"), GgufValue.text("longrope"));
        }
        if (two || divisors.originalContext() != config.contextLength()) {
          putOriginalContext(divisors.originalContext());
        }
        putMagnitude(divisors.magnitude());
      }
      case RopeScaling.Llama3 _ ->
          throw new IllegalArgumentException("GGUF stores the factors of Llama 3 as a tensor");
    }
  }

  private void putOriginalContext(int context) {
    metadata.put(key("rope.scaling.original_context_length"), GgufValue.u32(context));
  }

  private void putMagnitude(float magnitude) {
    if (magnitude != 1) {
      metadata.put(key("rope.scaling.attn_factor"), GgufValue.f32(magnitude));
    }
  }

  /** What the rows of the table say is not in the file: a configuration may differ there. */
  private void check(List<GgufWriter.Entry> tensors) {
    Map<String, GgufWriter.Entry> byName = new HashMap<>();
    tensors.forEach(tensor -> byName.put(tensor.name(), tensor));
    Parameters parameters =
        new GgufParameters(
            "the new file",
            config.architecture(),
            GgufMetadata.of("the new file", metadata),
            this::factors);
    ModelConfig read =
        ConfigReader.read(
            family, parameters, config.vocabularySize(), config.tiedOutput(), byName::containsKey);
    if (!read.equals(config)) {
      throw new IllegalArgumentException(
          "GGUF files of architecture %s cannot express this model: %s would read back as %s"
              .formatted(config.architecture(), config, read));
    }
  }

  private float @Nullable [] factors(String name, int count) {
    if (config.position() instanceof PositionConfig.Rope rope
        && rope.scaling() instanceof RopeScaling.Divisors divisors) {
      boolean two = !divisors.sameForAllLengths();
      return switch (name) {
        case GgufParameters.SHORT_FACTORS -> two ? divisors.shortDivisors().clone() : null;
        case GgufParameters.LONG_FACTORS -> two ? divisors.longDivisors().clone() : null;
        default -> two ? null : divisors.shortDivisors().clone();
      };
    }
    return null;
  }
}
