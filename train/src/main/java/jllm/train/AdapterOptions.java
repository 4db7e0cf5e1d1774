package jllm.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.WeightNames;
import jllm.format.model.LinearLayers;

/**
 * What an adapter is to be.
 *
 * @param rank R of its matrices
 * @param alpha what the factor on its changes is computed from
 * @param rankStabilized whether that is alpha / sqrt(R) and not alpha / R
 * @param dropout probability that components of its inputs are dropped
 * @param targets linear layers that it changes: {@code q}, {@code k}, {@code v}, {@code o}, {@code
 *     gate}, {@code up}, {@code down}; {@code attention}, {@code all}; or as Hugging Face calls
 *     them, such as {@code q_proj}
 * @param blocks how many of the last blocks it changes; 0 = all
 */
public record AdapterOptions(
    int rank,
    double alpha,
    boolean rankStabilized,
    double dropout,
    List<String> targets,
    int blocks) {

  /** Parts by their short names; fused layers are chosen by any of what they hold. */
  private static final Map<String, List<String>> PARTS = new LinkedHashMap<>();

  static {
    String fused = WeightNames.QUERY_KEY_VALUE;
    PARTS.put("q", List.of(WeightNames.QUERY, fused));
    PARTS.put("k", List.of(WeightNames.KEY, fused));
    PARTS.put("v", List.of(WeightNames.VALUE, fused));
    PARTS.put("o", List.of(WeightNames.ATTENTION_OUTPUT));
    PARTS.put("gate", List.of(WeightNames.GATE));
    PARTS.put("up", List.of(WeightNames.UP));
    PARTS.put("down", List.of(WeightNames.DOWN));
  }

  public AdapterOptions {
    targets = List.copyOf(targets);
    if (rank < 1) {
      throw new SettingsException("a rank of " + rank + ", expected 1 or more");
    }
    if (!(alpha > 0) || Double.isInfinite(alpha)) {
      throw new SettingsException("an alpha of " + alpha + ", expected more than 0");
    }
    if (!(dropout >= 0 && dropout < 1)) {
      throw new SettingsException(
          "an adapter dropout of " + dropout + ", expected at least 0 and less than 1");
    }
    if (blocks < 0) {
      throw new SettingsException(blocks + " blocks to adapt, expected 0 (all) or more");
    }
  }

  /**
   * The layers of a model that the adapter changes.
   *
   * @throws SettingsException if a target is unknown or not in the model
   */
  List<LinearLayers.Layer> choose(LinearLayers layers) {
    int count = layers.config().layers();
    if (blocks > count) {
      throw new SettingsException(
          "%d blocks to adapt, but the model has %d".formatted(blocks, count));
    }
    Set<String> chosen = new LinkedHashSet<>();
    for (String target : targets) {
      List<LinearLayers.Layer> found =
          layers.all().stream().filter(layer -> isMeant(target, layer)).toList();
      if (found.isEmpty()) {
        throw new SettingsException(
            "there is no linear layer %s in this model to adapt; known are %s, attention, all, and this model's %s"
                .formatted(
                    target,
                    String.join(", ", PARTS.keySet()),
                    String.join(", ", layers.moduleNames())));
      }
      found.forEach(layer -> chosen.add(layer.name()));
    }
    List<LinearLayers.Layer> result = new ArrayList<>();
    for (LinearLayers.Layer layer : layers.all()) {
      boolean high = blocks == 0 || layer.block() >= count - blocks;
      if (high && chosen.contains(layer.name())) {
        result.add(layer);
      }
    }
    return result;
  }

  private static boolean isMeant(String target, LinearLayers.Layer layer) {
    return switch (target) {
      case "all" -> true;
      case "attention" -> layer.part().startsWith("attn_");
      default ->
          layer.lastName().equals(target)
              || PARTS.getOrDefault(target, List.of()).contains(layer.part());
    };
  }
}
