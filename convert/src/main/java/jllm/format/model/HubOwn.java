package jllm.format.model;

import java.util.List;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.NormConfig.Kind;
import jllm.format.PositionConfig;
import org.jspecify.annotations.Nullable;

/**
 * What the configuration of a model of {@link ModelArchitectures#OWN} says besides the usual: the
 * choices that a known architecture's name stands for.
 */
final class HubOwn {
  static final String SINUSOIDAL = "sinusoidal";
  private static final String ROPE = "rope";
  private static final String LEARNED = "learned";
  private static final String NORM = "norm_type";
  private static final String POSITION = "position_embedding_type";
  private static final String GATED = "gated_feed_forward";

  private HubOwn() {}

  /** How positions are known; {@code learned} unless the configuration says otherwise. */
  static String position(HubConfig config) {
    String position = config.text(POSITION);
    return position == null ? LEARNED : position;
  }

  static Family family(HubConfig config) {
    String position = position(config);
    if (!List.of(ROPE, LEARNED, SINUSOIDAL).contains(position)) {
      throw config.error(POSITION + " is " + position + "; known are rope, learned and sinusoidal");
    }
    String norm = config.text(NORM);
    if (norm == null || !(norm.equals("rms") || norm.equals("layer"))) {
      throw config.error(NORM + " is " + norm + "; known are rms and layer");
    }
    return Families.own(
        norm.equals("rms") ? Kind.RMS : Kind.LAYER,
        config.bool(GATED, true),
        position.equals(ROPE));
  }

  static void write(ModelConfig config, Map<String, @Nullable Object> json) {
    json.put(NORM, config.norm().kind() == Kind.RMS ? "rms" : "layer");
    json.put(GATED, config.feedForward().gated());
    json.put(
        POSITION,
        switch (config.position()) {
          case PositionConfig.Rope _ -> ROPE;
          case PositionConfig.Learned _ -> LEARNED;
          case PositionConfig.Sinusoidal _ -> SINUSOIDAL;
        });
  }
}
