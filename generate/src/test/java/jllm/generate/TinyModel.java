package jllm.generate;

import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.format.model.ModelSizes;
import jllm.format.model.RandomWeights;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.scalar.ScalarBackend;

/** A random Llama with a vocabulary of a few tokens, on the scalar backend. */
final class TinyModel implements AutoCloseable {
  static final int CONTEXT = 64;

  final Backend backend = new ScalarBackend(DType.F32);
  private final WeightSource weights;
  final Transformer model;

  TinyModel(int vocabulary, long seed) {
    this(ModelSizes.dense(vocabulary, CONTEXT, 32, 2, 4, 2, 48).config("llama"), seed);
  }

  /** One of three layers that see so many positions, each {@code period}th of them all. */
  static TinyModel sliding(int vocabulary, int window, int period, long seed) {
    ModelConfig all = ModelSizes.dense(vocabulary, CONTEXT, 32, 3, 4, 2, 48).config("llama");
    AttentionConfig attention = all.attention();
    AttentionConfig sliding =
        new AttentionConfig(
            attention.heads(),
            attention.kvHeads(),
            attention.headDim(),
            attention.scale(),
            attention.softCap(),
            window,
            period,
            attention.queryKeyNorm(),
            attention.inputBias(),
            attention.outputBias());
    return new TinyModel(
        new ModelConfig(
            all.architecture(),
            all.vocabularySize(),
            all.contextLength(),
            all.width(),
            all.layers(),
            sliding,
            all.feedForward(),
            all.norm(),
            all.position(),
            all.multipliers(),
            all.parallelResidual(),
            all.tiedOutput()),
        seed);
  }

  private TinyModel(ModelConfig config, long seed) {
    weights = new RandomWeights(config, DType.F32, seed);
    model = Transformer.of(weights, backend);
  }

  @Override
  public void close() {
    model.close();
    weights.close();
    backend.close();
  }
}
