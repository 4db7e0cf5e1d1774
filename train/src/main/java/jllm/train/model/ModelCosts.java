package jllm.train.model;

import java.util.Map;
import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.WeightNames;
import jllm.format.model.ModelArchitectures;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Routing;
import jllm.tensor.Shape;

/**
 * What training a model costs.
 *
 * @param parameters all numbers that are trained
 * @param matrixParameters those of them in matrix products that one token takes part in: of experts
 *     only the chosen ones, and the output layer also where it is the embedding
 * @param forwardFlops additions and multiplications of the forward pass for one token, on average
 *     over the positions of a sequence
 */
public record ModelCosts(long parameters, long matrixParameters, double forwardFlops) {
  /**
   * The costs of a model.
   *
   * @param length T of the sequences
   */
  public static ModelCosts of(ModelConfig config, int length) {
    long parameters = 0;
    long matrices = 0;
    for (Map.Entry<String, Shape> weight : ModelArchitectures.weights(config).entrySet()) {
      parameters += weight.getValue().elements();
      matrices += perToken(config, weight.getKey(), weight.getValue());
    }
    if (config.tiedOutput()) {
      matrices += (long) config.vocabularySize() * config.width();
    }
    return new ModelCosts(parameters, matrices, 2.0 * matrices + attentionFlops(config, 0, length));
  }

  /** Of the forward pass for one token, in the blocks from {@code first} on. */
  private static double attentionFlops(ModelConfig config, int first, int length) {
    AttentionConfig attention = config.attention();
    double seen = 0;
    for (int layer = first; layer < config.layers(); layer++) {
      seen += meanSeen(length, attention.window(layer));
    }
    // Scores and the weighted sum of values: two products of the width of all heads a position.
    return 4.0 * seen * attention.heads() * attention.headDim();
  }

  private static long perToken(ModelConfig config, String name, Shape shape) {
    Routing routing = config.feedForward().routing();
    if (shape.rank() == 3 && routing != null) {
      return shape.elements() / config.feedForward().experts() * routing.used();
    }
    boolean table =
        name.equals(WeightNames.TOKEN_EMBEDDING) || name.equals(WeightNames.POSITION_EMBEDDING);
    return shape.rank() < 2 || table ? 0 : shape.elements();
  }

  /** Positions that one sees on average, itself included. */
  private static double meanSeen(int length, int window) {
    if (window <= 0 || window >= length) {
      return (length + 1) / 2.0;
    }
    return (window * (window + 1) / 2.0 + (double) (length - window) * window) / length;
  }

  /**
   * Of training for one token: 6 for each parameter in a matrix product, and those of attention
   * (Kaplan et al. 2020, section 2.1; here with the causal half alone). The derivatives by inputs
   * and by weights are products of the size of those of the forward pass.
   */
  public TrainingFlops training() {
    return new TrainingFlops(forwardFlops, 2 * forwardFlops);
  }

  /**
   * Of training an adapter for one token: no derivatives by the model's weights, and none at all
   * below the first block that is adapted.
   *
   * @param length T of the sequences
   * @param first block that is adapted
   * @param size numbers of the adapter
   */
  public TrainingFlops adapterTraining(ModelConfig config, int length, int first, long size) {
    long block = 0; // All are alike.
    for (Map.Entry<String, Shape> weight : ModelArchitectures.weights(config).entrySet()) {
      if (weight.getKey().startsWith("blk.0.")) {
        block += perToken(config, weight.getKey(), weight.getValue());
      }
    }
    double inputs =
        2.0 * (matrixParameters - first * block) + 2 * attentionFlops(config, first, length);
    return new TrainingFlops(forwardFlops + 2.0 * size, inputs + 4.0 * size);
  }

  /**
   * Bytes that training holds.
   *
   * @param weights and their masters, where they are others
   * @param gradients of all weights
   * @param optimizer two moments
   * @param activations of one batch, with their derivatives: estimated
   */
  public record Memory(long weights, long gradients, long optimizer, long activations) {
    /** Of the JVM with its classes and compiled code; measured. */
    private static final long PROGRAM = 155_000_000;

    /** The most that kernels and the compiler of the JVM hold for a while; measured. */
    private static final long SCRATCH = 240_000_000;

    public long total() {
      return tensors() + program();
    }

    private long tensors() {
      return weights + gradients + optimizer + activations;
    }

    /** What the process holds besides; with small models the kernels, too, hold little. */
    public long program() {
      return PROGRAM + Math.min(SCRATCH, tensors() / 2);
    }
  }

  /**
   * The memory that training takes.
   *
   * @param rows B * T
   * @param recompute whether the activations inside blocks are computed again
   * @param dropout whether there is dropout
   * @param backend that computes: it says what it keeps rounded
   */
  public Memory memory(
      ModelConfig config,
      int rows,
      boolean recompute,
      boolean dropout,
      DType weightType,
      Backend backend) {
    long weightBytes = parameters * (weightType == DType.BF16 ? 6 : 4);
    long activations = new ActivationMemory(config, rows, dropout, backend).bytes(recompute);
    return new Memory(weightBytes, parameters * 4, parameters * 8, activations);
  }
}
