package jllm.format.lora;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import jllm.format.ModelFormatException;
import org.jspecify.annotations.Nullable;

/**
 * What {@code adapter_config.json} says of an adapter (PEFT's {@code LoraConfig}).
 *
 * @param ranks for modules whose names end in what an expression matches; the first counts
 * @param alphas likewise
 */
record PeftConfig(
    int rank,
    double alpha,
    boolean rankStabilized,
    double dropout,
    @Nullable String base,
    Map<Pattern, Number> ranks,
    Map<Pattern, Number> alphas) {

  /**
   * Reads it.
   *
   * @param file for messages
   * @throws ModelFormatException if it is no low-rank adapter, or of a kind that is not supported
   */
  static PeftConfig of(String file, Map<String, @Nullable Object> json) {
    Object type = json.get("peft_type");
    if (!"LORA".equals(type)) {
      throw new ModelFormatException(file + ": peft_type is " + type + ", expected LORA");
    }
    for (String kind : new String[] {"use_dora", "use_qalora"}) {
      if (Boolean.TRUE.equals(json.get(kind))) {
        throw new ModelFormatException(file + ": " + kind + " is set, which is not supported");
      }
    }
    double rank = number(file, json, "r", 8);
    if (rank < 1 || rank != Math.rint(rank)) {
      throw new ModelFormatException(file + ": r is " + rank + ", expected a whole number from 1");
    }
    Object base = json.get("base_model_name_or_path");
    return new PeftConfig(
        (int) rank,
        number(file, json, "lora_alpha", 8),
        Boolean.TRUE.equals(json.get("use_rslora")),
        number(file, json, "lora_dropout", 0),
        base instanceof String name ? name : null,
        patterns(file, json, "rank_pattern"),
        patterns(file, json, "alpha_pattern"));
  }

  private static double number(
      String file, Map<String, @Nullable Object> json, String key, double otherwise) {
    Object value = json.get(key);
    if (value == null) {
      return otherwise;
    }
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    throw new ModelFormatException(file + ": " + key + " is " + value + ", expected a number");
  }

  private static Map<Pattern, Number> patterns(
      String file, Map<String, @Nullable Object> json, String key) {
    Map<Pattern, Number> patterns = new LinkedHashMap<>();
    if (json.get(key) instanceof Map<?, ?> map) {
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        if (!(entry.getValue() instanceof Number value)) {
          throw new ModelFormatException(
              "%s: %s has %s, expected a number".formatted(file, key, entry));
        }
        try {
          patterns.put(Pattern.compile("(.*\\.)?(" + entry.getKey() + ")"), value);
        } catch (PatternSyntaxException e) {
          throw new ModelFormatException(file + ": " + key + ": " + e.getMessage(), e);
        }
      }
    }
    return patterns;
  }

  /** The rank of a module. */
  int rankOf(String module) {
    return first(ranks, module, rank).intValue();
  }

  /** What the scale of a module is computed from. */
  double alphaOf(String module) {
    return first(alphas, module, alpha).doubleValue();
  }

  private static Number first(Map<Pattern, Number> patterns, String module, Number otherwise) {
    for (Map.Entry<Pattern, Number> entry : patterns.entrySet()) {
      if (entry.getKey().matcher(module).matches()) {
        return entry.getValue();
      }
    }
    return otherwise;
  }
}
