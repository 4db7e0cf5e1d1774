package jllm.format.model;

import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.tensor.RopePairing;

/** Configurations of small models. */
final class TinyModels {
  static final ModelSizes SIZES = ModelSizes.dense(96, 64, 32, 2, 4, 2, 64);

  private TinyModels() {}

  static ModelConfig config(String architecture) {
    return switch (architecture) {
      case "gpt2", "gptneox" -> ModelSizes.dense(96, 64, 32, 2, 4, 4, 64).config(architecture);
      case "qwen3", "gemma", "gemma2" -> SIZES.withHeadDim(16).config(architecture);
      case "qwen3moe" -> SIZES.withHeadDim(16).withExperts(4, 2).config(architecture);
      default -> SIZES.config(architecture);
    };
  }

  static ModelConfig withScaling(ModelConfig config, RopeScaling scaling) {
    PositionConfig.Rope rope = (PositionConfig.Rope) config.position();
    return with(
        config,
        config.attention(),
        new PositionConfig.Rope(
            rope.base(), rope.localBase(), rope.dimensions(), rope.pairing(), scaling));
  }

  static ModelConfig withRope(ModelConfig config, int dimensions, RopePairing pairing) {
    PositionConfig.Rope rope = (PositionConfig.Rope) config.position();
    return with(
        config,
        config.attention(),
        new PositionConfig.Rope(
            rope.base(), rope.localBase(), dimensions, pairing, rope.scaling()));
  }

  static ModelConfig with(ModelConfig config, AttentionConfig attention) {
    return with(config, attention, config.position());
  }

  private static ModelConfig with(
      ModelConfig config, AttentionConfig attention, PositionConfig position) {
    return new ModelConfig(
        config.architecture(),
        config.vocabularySize(),
        config.contextLength(),
        config.width(),
        config.layers(),
        attention,
        config.feedForward(),
        config.norm(),
        position,
        config.multipliers(),
        config.parallelResidual(),
        config.tiedOutput());
  }

  static ModelConfig withWindow(ModelConfig config, int window) {
    AttentionConfig attention = config.attention();
    return with(
        config,
        new AttentionConfig(
            attention.heads(),
            attention.kvHeads(),
            attention.headDim(),
            attention.scale(),
            attention.softCap(),
            window,
            1,
            attention.queryKeyNorm(),
            attention.inputBias(),
            attention.outputBias()));
  }

  /** With attention and feed-forward one after the other. */
  static ModelConfig serial(ModelConfig config) {
    return new ModelConfig(
        config.architecture(),
        config.vocabularySize(),
        config.contextLength(),
        config.width(),
        config.layers(),
        config.attention(),
        config.feedForward(),
        config.norm(),
        config.position(),
        config.multipliers(),
        /* parallelResidual= */ false,
        config.tiedOutput());
  }
}
