package jllm.generate;

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
    ModelConfig config = ModelSizes.dense(vocabulary, CONTEXT, 32, 2, 4, 2, 48).config("llama");
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
