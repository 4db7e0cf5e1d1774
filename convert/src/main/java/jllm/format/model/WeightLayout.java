package jllm.format.model;

import java.util.function.BiConsumer;
import java.util.function.Predicate;
import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import jllm.format.WeightNames;
import jllm.tensor.Shape;

/** The names and shapes of the weights that a configuration needs, one after the other. */
final class WeightLayout {
  private final ModelConfig config;
  private final Predicate<String> has;
  private final BiConsumer<String, Shape> each;

  private WeightLayout(ModelConfig config, Predicate<String> has, BiConsumer<String, Shape> each) {
    this.config = config;
    this.has = has;
    this.each = each;
  }

  /**
   * Calls {@code each} with every weight, in the order of the model.
   *
   * @param has whether a weight is there: asked to learn whether matrices are fused
   */
  static void forEach(ModelConfig config, Predicate<String> has, BiConsumer<String, Shape> each) {
    new WeightLayout(config, has, each).model();
  }

  private void model() {
    Shape table = Shape.of(config.vocabularySize(), config.width());
    each.accept(WeightNames.TOKEN_EMBEDDING, table);
    if (config.position() instanceof PositionConfig.Learned learned) {
      each.accept(WeightNames.POSITION_EMBEDDING, Shape.of(learned.positions(), config.width()));
    }
    norm(WeightNames.OUTPUT_NORM);
    if (!config.tiedOutput()) {
      each.accept(WeightNames.OUTPUT, table);
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      attention(layer, config.attention());
      if (config.feedForward().experts() > 0) {
        experts(layer, config.feedForward());
      } else {
        dense(layer, config.feedForward());
      }
    }
  }

  private void attention(int layer, AttentionConfig attention) {
    int width = config.width();
    int queries = attention.heads() * attention.headDim();
    int keys = attention.kvHeads() * attention.headDim();
    blockNorm(layer, WeightNames.ATTENTION_NORM, config.norm().placement().before());
    boolean bias = attention.inputBias();
    if (has.test(WeightNames.block(layer, WeightNames.QUERY_KEY_VALUE, "weight"))) {
      linear(layer, WeightNames.QUERY_KEY_VALUE, queries + 2 * keys, width, bias);
    } else {
      linear(layer, WeightNames.QUERY, queries, width, bias);
      linear(layer, WeightNames.KEY, keys, width, bias);
      linear(layer, WeightNames.VALUE, keys, width, bias);
    }
    if (attention.queryKeyNorm()) {
      Shape head = Shape.of(attention.headDim());
      each.accept(WeightNames.block(layer, WeightNames.QUERY_NORM, "weight"), head);
      each.accept(WeightNames.block(layer, WeightNames.KEY_NORM, "weight"), head);
    }
    linear(layer, WeightNames.ATTENTION_OUTPUT, width, queries, attention.outputBias());
    blockNorm(layer, WeightNames.ATTENTION_POST_NORM, config.norm().placement().after());
  }

  private void dense(int layer, FeedForwardConfig feedForward) {
    int width = config.width();
    int hidden = feedForward.hidden();
    boolean bias = feedForward.bias();
    blockNorm(layer, WeightNames.FEED_FORWARD_NORM, config.norm().placement().before());
    if (!feedForward.gated()) {
      linear(layer, WeightNames.UP, hidden, width, bias);
    } else if (has.test(WeightNames.block(layer, WeightNames.GATE, "weight"))) {
      linear(layer, WeightNames.GATE, hidden, width, bias);
      linear(layer, WeightNames.UP, hidden, width, bias);
    } else {
      linear(layer, WeightNames.UP, 2 * hidden, width, bias);
    }
    linear(layer, WeightNames.DOWN, width, hidden, bias);
    blockNorm(layer, WeightNames.FEED_FORWARD_POST_NORM, config.norm().placement().after());
  }

  private void experts(int layer, FeedForwardConfig feedForward) {
    int width = config.width();
    int hidden = feedForward.hidden();
    int experts = feedForward.experts();
    blockNorm(layer, WeightNames.FEED_FORWARD_NORM, config.norm().placement().before());
    linear(layer, WeightNames.ROUTER, experts, width, false);
    Shape in = Shape.of(experts, hidden, width);
    each.accept(WeightNames.block(layer, WeightNames.EXPERT_GATE, "weight"), in);
    each.accept(WeightNames.block(layer, WeightNames.EXPERT_UP, "weight"), in);
    each.accept(
        WeightNames.block(layer, WeightNames.EXPERT_DOWN, "weight"),
        Shape.of(experts, width, hidden));
    blockNorm(layer, WeightNames.FEED_FORWARD_POST_NORM, config.norm().placement().after());
  }

  private void linear(int layer, String part, int outputs, int inputs, boolean bias) {
    each.accept(WeightNames.block(layer, part, "weight"), Shape.of(outputs, inputs));
    if (bias) {
      each.accept(WeightNames.block(layer, part, "bias"), Shape.of(outputs));
    }
  }

  private void blockNorm(int layer, String part, boolean present) {
    if (present) {
      norm("blk." + layer + "." + part);
    }
  }

  private void norm(String name) {
    Shape width = Shape.of(config.width());
    each.accept(name + ".weight", width);
    if (config.norm().bias()) {
      each.accept(name + ".bias", width);
    }
  }
}
