package jllm.format.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.tensor.Shape;
import org.jspecify.annotations.Nullable;

/** What new models are called, and the weights that they are made of. */
public final class ModelArchitectures {
  /**
   * The architecture of models that no other program knows; Hugging Face folders of them spell out
   * what they are.
   */
  public static final String OWN = "jllm";

  /** Those that a new model may be, in the order in which they are tried. */
  private static final List<String> KNOWN = List.of("llama", "qwen2", "gpt2");

  private ModelArchitectures() {}

  /** The same model under the name of the architecture that other programs know it by. */
  public static ModelConfig named(ModelConfig config) {
    for (String architecture : KNOWN) {
      ModelConfig candidate = renamed(config, architecture);
      if (HubConfigWriter.expresses(candidate)) {
        return candidate;
      }
    }
    return renamed(config, OWN);
  }

  /** GGUF's name of what Hugging Face's configurations call so, absent if unknown. */
  public static @Nullable String ofModelType(String modelType) {
    Family family = Families.ofModelType(modelType);
    return family == null ? null : family.architecture();
  }

  private static ModelConfig renamed(ModelConfig config, String architecture) {
    return new ModelConfig(
        architecture,
        config.vocabularySize(),
        config.contextLength(),
        config.width(),
        config.layers(),
        config.attention(),
        config.feedForward(),
        config.norm(),
        config.position(),
        config.multipliers(),
        config.parallelResidual(),
        config.tiedOutput());
  }

  /**
   * Names and shapes of the weights of a new model, in the order of the model.
   *
   * @throws jllm.format.ModelFormatException if the architecture is unknown
   */
  public static Map<String, Shape> weights(ModelConfig config) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    Family family = Families.of(config, "a new model");
    WeightLayout.forEach(config, family::usuallyHas, shapes::put);
    return shapes;
  }
}
