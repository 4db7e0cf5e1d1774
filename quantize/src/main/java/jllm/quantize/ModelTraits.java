package jllm.quantize;

import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.gguf.GgufArray;
import jllm.format.gguf.GgufMetadata;
import jllm.format.gguf.GgufValue;

/**
 * What a recipe looks at in a model besides its tensors.
 *
 * @param queriesPerKey heads that share a key/value head in the first layer, 0 if unknown
 * @param experts 0 in dense models
 */
record ModelTraits(String architecture, int layers, int heads, int queriesPerKey, int experts) {

  /**
   * Reads them from a file's metadata.
   *
   * @throws ModelFormatException if the architecture or the number of layers is missing
   */
  static ModelTraits of(String file, GgufMetadata metadata) {
    String architecture = metadata.text("general.architecture");
    if (architecture == null) {
      throw new ModelFormatException(
          file + ": metadata key general.architecture is missing: it is no model");
    }
    int layers = first(metadata, architecture + ".block_count");
    if (layers <= 0) {
      throw new ModelFormatException(
          file
              + ": metadata key "
              + architecture
              + ".block_count is missing: it is no whole model");
    }
    int heads = first(metadata, architecture + ".attention.head_count");
    String keyHeads = architecture + ".attention.head_count_kv";
    int kvHeads = metadata.get(keyHeads) == null ? heads : first(metadata, keyHeads);
    return new ModelTraits(
        architecture,
        layers,
        heads,
        kvHeads == 0 ? 0 : heads / kvHeads,
        first(metadata, architecture + ".expert_count"));
  }

  /** Those of a configuration. */
  static ModelTraits of(ModelConfig config) {
    AttentionConfig attention = config.attention();
    return new ModelTraits(
        config.architecture(),
        config.layers(),
        attention.heads(),
        attention.heads() / attention.kvHeads(),
        config.feedForward().experts());
  }

  /** A number, or the first of a list of one for each layer; 0 if absent. */
  private static int first(GgufMetadata metadata, String key) {
    GgufValue value = metadata.get(key);
    if (value instanceof GgufArray array && array.size() > 0) {
      value = array.values().getFirst();
    }
    return value instanceof GgufValue.Scalar scalar && !scalar.isReal()
        ? (int) Math.max(0, Math.min(Integer.MAX_VALUE, scalar.bits()))
        : 0;
  }

  /**
   * Models whose attn_v is so small beside the others that more bits for it cost next to nothing.
   */
  boolean isSeventyBillion() {
    return layers == 80
        && switch (architecture) {
          case "llama" -> queriesPerKey != 1;
          case "deci", "qwen2", "olmo" -> true;
          default -> false;
        };
  }
}
