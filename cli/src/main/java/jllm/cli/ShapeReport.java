package jllm.cli;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.tensor.DType;
import jllm.train.model.ModelCosts;
import jllm.train.model.ModelPresets;

/** A shape that {@code pretrain} knows by name: how large, and how much arithmetic. */
final class ShapeReport {
  private final String name;
  private final ModelConfig config;
  private final ModelCosts costs;

  /**
   * @param vocabulary rows of the token embedding
   */
  ShapeReport(String name, int vocabulary) {
    this.name = name;
    this.config = ModelPresets.named(name).config(vocabulary);
    this.costs = ModelCosts.of(config, config.contextLength());
  }

  long parameters() {
    return costs.parameters();
  }

  Finding report() {
    long embedding = (long) config.vocabularySize() * config.width();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("preset", name);
    json.put("config", Inspection.describe(config));
    json.put("parameters", costs.parameters());
    json.put("parameters_of_embedding", embedding);
    json.put("forward_flop_per_token", costs.forwardFlops());
    json.put("training_flop_per_token", costs.training().total());
    json.put("bytes_f32", DType.F32.bytes(costs.parameters()));
    json.put("bytes_f16", DType.F16.bytes(costs.parameters()));
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("preset", name);
    facts.putAll(Inspection.describe(config));
    facts.put(
        "parameters",
        String.format(
            Locale.ROOT,
            "%s (%,d), %s of them in the token embedding",
            Count.show(costs.parameters()),
            costs.parameters(),
            Count.show(embedding)));
    facts.put(
        "arithmetic",
        String.format(
            Locale.ROOT,
            "%sFLOP a token forward, %sFLOP in training (at %d positions)",
            flops(costs.forwardFlops()),
            flops(costs.training().total()),
            config.contextLength()));
    facts.put(
        "size",
        Memory.show(DType.F32.bytes(costs.parameters()))
            + " in F32, "
            + Memory.show(DType.F16.bytes(costs.parameters()))
            + " in F16");
    return new Finding(Facts.text(facts), json);
  }

  private static String flops(double value) {
    return Count.show(value).replace("B", "G");
  }
}
