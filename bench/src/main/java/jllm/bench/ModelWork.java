package jllm.bench;

import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.StoredTensor;
import jllm.format.WeightNames;

/**
 * What a token costs a model at least, by which its speed is set against the machine's limits.
 *
 * @param weightBytes bytes of weights that a decoding step must read: all matrices but unread rows
 *     of the embedding, and of experts those used
 * @param weightFlops multiplications and additions with those weights for a token, without the
 *     output layer
 * @param outputFlops those of the output layer, which a prompt needs for its last position only
 * @param attentionFlops those of attention for each position that a token looks back at, in all
 *     layers
 */
public record ModelWork(
    double weightBytes, double weightFlops, double outputFlops, double attentionFlops) {

  public static ModelWork of(ModelFile model) {
    ModelConfig config = model.config();
    String outputName = config.tiedOutput() ? WeightNames.TOKEN_EMBEDDING : WeightNames.OUTPUT;
    double bytes = 0;
    double flops = 0;
    double outputFlops = 0;
    for (StoredTensor tensor : model.tensors()) {
      String name = tensor.name();
      boolean lookedUp =
          name.equals(WeightNames.TOKEN_EMBEDDING) || name.equals(WeightNames.POSITION_EMBEDDING);
      if (tensor.shape().rank() < 2 || (lookedUp && !name.equals(outputName))) {
        continue;
      }
      double used = usedShare(config, tensor);
      bytes += used * tensor.bytes();
      if (name.equals(outputName)) {
        outputFlops = 2.0 * tensor.shape().elements();
      } else {
        flops += used * 2.0 * tensor.shape().elements();
      }
    }
    double attention =
        4.0 * config.layers() * config.attention().heads() * config.attention().headDim();
    return new ModelWork(bytes, flops, outputFlops, attention);
  }

  private static double usedShare(ModelConfig config, StoredTensor tensor) {
    var routing = config.feedForward().routing();
    return routing != null && tensor.shape().rank() == 3
        ? (double) routing.used() / config.feedForward().experts()
        : 1;
  }

  /** Floating-point operations of a workload. */
  public double flops(Workload workload) {
    double tokens = workload.tokens();
    double lookedBack = tokens * (tokens + 1) / 2;
    double outputs = workload instanceof Workload.Prefill ? 1 : tokens;
    return tokens * weightFlops + outputs * outputFlops + lookedBack * attentionFlops;
  }

  /** Bytes of weights that decoding one token reads. */
  public double bytesPerToken() {
    return weightBytes;
  }
}
