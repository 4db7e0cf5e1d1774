package jllm.format.model;

import jllm.format.RopeScaling;
import org.jspecify.annotations.Nullable;

/**
 * The context extensions of {@code config.json}: the object {@code rope_scaling}, which newer files
 * call {@code rope_parameters} and which holds {@code rope_theta} as well there. The defaults are
 * those of {@code modeling_rope_utils.py} of transformers.
 */
final class HubRope {
  private static final double BETA_FAST = 32;
  private static final double BETA_SLOW = 1;

  private final HubConfig config;
  private final double usualShare;
  private final @Nullable HubConfig scaling;

  /**
   * @param usualShare see {@link HubFormat#rotaryShare}
   */
  HubRope(HubConfig config, double usualShare) {
    this.config = config;
    this.usualShare = usualShare;
    HubConfig older = config.object("rope_scaling");
    this.scaling = older != null ? older : config.object("rope_parameters");
  }

  @Nullable Double base() {
    Double base = config.real(config.has("rope_theta") ? "rope_theta" : "rotary_emb_base");
    return base != null || scaling == null ? base : scaling.real("rope_theta");
  }

  /** The share of the components of a head that are turned. */
  double partialFactor() {
    double share = config.real("partial_rotary_factor", config.real("rotary_pct", usualShare));
    return scaling == null ? share : scaling.real("partial_rotary_factor", share);
  }

  RopeScaling read(int dimensions, int contextLength) {
    String type = scaling == null ? null : scaling.text("rope_type");
    if (type == null && scaling != null) {
      type = scaling.text("type");
    }
    if (scaling == null || type == null || type.equals("default")) {
      return new RopeScaling.None();
    }
    return switch (type) {
      case "linear" -> new RopeScaling.Linear(factor(scaling));
      case "llama3" ->
          new RopeScaling.Llama3(
              factor(scaling),
              positive(scaling, "low_freq_factor", scaling.number("low_freq_factor")),
              positive(scaling, "high_freq_factor", scaling.number("high_freq_factor")),
              originalContext(scaling, contextLength));
      case "yarn" -> yarn(scaling, contextLength);
      case "longrope", "su" -> longRope(scaling, dimensions, contextLength);
      default ->
          throw scaling.error(
              "rope scaling of type "
                  + type
                  + " is not supported; known are default, linear, llama3, yarn and longrope");
    };
  }

  private RopeScaling yarn(HubConfig scaling, int contextLength) {
    if (!scaling.bool("truncate", true)) {
      throw scaling.error("rope_scaling.truncate is false, which is not supported");
    }
    double factor = factor(scaling);
    Double given = scaling.real("attention_factor");
    double magnitude = given != null ? given : yarnMagnitude(scaling, factor);
    return new RopeScaling.Yarn(
        factor,
        originalContext(scaling, contextLength),
        positive(scaling, "beta_fast", scaling.real("beta_fast", BETA_FAST)),
        positive(scaling, "beta_slow", scaling.real("beta_slow", BETA_SLOW)),
        (float) positive(scaling, "attention_factor", magnitude));
  }

  private static double yarnMagnitude(HubConfig scaling, double factor) {
    double logarithm = RopeScaling.Yarn.magnitudeOf(factor) - 1;
    double mscale = scaling.real("mscale", 0);
    double mscaleAllDim = scaling.real("mscale_all_dim", 0);
    return mscale != 0 && mscaleAllDim != 0
        ? (mscale * logarithm + 1) / (mscaleAllDim * logarithm + 1)
        : logarithm + 1;
  }

  private RopeScaling longRope(HubConfig scaling, int dimensions, int contextLength) {
    int original = originalContext(scaling, contextLength);
    double extension =
        original == contextLength ? scaling.real("factor", 1) : (double) contextLength / original;
    double magnitude = scaling.real("attention_factor", longMagnitude(extension, original));
    return new RopeScaling.Divisors(
        scaling.factors("short_factor", dimensions / 2),
        scaling.factors("long_factor", dimensions / 2),
        original,
        (float) positive(scaling, "attention_factor", magnitude));
  }

  /** The magnitude of LongRoPE for an extension of the original context. */
  static double longMagnitude(double extension, int original) {
    return extension > 1 ? Math.sqrt(1 + Math.log(extension) / Math.log(original)) : 1;
  }

  private int originalContext(HubConfig scaling, int contextLength) {
    Long original = scaling.integer("original_max_position_embeddings");
    if (original == null) {
      original = config.integer("original_max_position_embeddings");
    }
    if (original == null) {
      return contextLength;
    }
    if (original < 2 || original > Integer.MAX_VALUE) {
      throw scaling.error("original_max_position_embeddings is " + original);
    }
    return original.intValue();
  }

  private static double factor(HubConfig scaling) {
    return positive(scaling, "factor", scaling.number("factor"));
  }

  private static double positive(HubConfig scaling, String key, double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      throw scaling.error("rope_scaling." + key + " is " + value + ", expected a number above 0");
    }
    return value;
  }
}
