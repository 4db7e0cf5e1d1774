package jllm.model;

import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import jllm.format.ModelConfig;
import jllm.format.model.MemoryWeights;
import jllm.format.model.RandomWeights;
import jllm.tensor.Activations;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.grad.Parameters;
import jllm.tensor.grad.Parameters.Parameter;
import jllm.tensor.scalar.ScalarBackend;

/**
 * A small random model in double precision with a batch of two sequences, of which some rows are
 * not to be predicted.
 */
final class TrainedModel implements AutoCloseable {
  static final int LENGTH = 7;
  private static final int SEQUENCES = 2;
  private static final int ROWS = LENGTH * SEQUENCES;

  /** Rows of each sequence where a document begins. */
  private static final int[] DOCUMENTS = {0, 0, 2, 2, 2, 5, 5, 0, 0, 0, 0, 4, 4, 4};

  private final Backend backend = new ScalarBackend(DType.F64);
  private final MemoryWeights weights;
  private final Batch batch = Batch.whole(ROWS);
  private final int[] tokens = new int[ROWS];
  private final int[] targets = new int[ROWS];
  final Parameters parameters = new Parameters();
  final Transformer model;
  final Exec exec = new Exec(backend);

  /** Factor on the load-balancing loss. */
  float balance = 0;

  float dropout = 0;
  boolean documents = false;

  TrainedModel(ModelConfig config, long seed) {
    try (RandomWeights random = new RandomWeights(config, DType.F32, seed)) {
      weights = MemoryWeights.copyOf(random, DType.F64, DType.F64);
    }
    model = Transformer.trainable(weights, backend, parameters);
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < ROWS; i++) {
      tokens[i] = random.nextInt(config.vocabularySize());
      targets[i] = i % 5 == 3 ? -1 : random.nextInt(config.vocabularySize());
    }
  }

  private Batch fill() {
    batch.fill(tokens, 0, ROWS, SEQUENCES).targets(targets, 0).dropout(dropout, 77);
    return documents ? batch.documents(DOCUMENTS, 0) : batch;
  }

  /** The loss as a step without derivatives computes it: the sum over rows, and the balance. */
  double loss() {
    exec.reset();
    return forward();
  }

  /** The loss, with its derivatives added to the gradients. */
  double step(Activations activations) {
    exec.resetToTrain(parameters, activations);
    double loss = forward();
    exec.backward();
    return loss;
  }

  private double forward() {
    Batch step = fill();
    Tensor losses = model.losses(exec, model.hidden(exec, step), step);
    Tensor balances = model.balanceLoss(exec, step);
    return weighed(losses, 1) + (balances == null ? 0 : weighed(balances, balance));
  }

  private double weighed(Tensor losses, float factor) {
    if (exec.isTraining()) {
      exec.seed(losses, factor);
    }
    return factor * DoubleStream.of(values(losses)).sum();
  }

  void zeroGradients() {
    for (Parameter parameter : parameters.all()) {
      parameter.gradient().segment().fill((byte) 0);
    }
  }

  static double[] values(Tensor tensor) {
    double[] values = new double[Math.toIntExact(tensor.shape().elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = get(tensor, i);
    }
    return values;
  }

  static double get(Tensor tensor, long index) {
    return tensor.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, index);
  }

  static void set(Tensor tensor, long index, double value) {
    tensor.segment().setAtIndex(ValueLayout.JAVA_DOUBLE, index, value);
  }

  @Override
  public void close() {
    exec.close();
    model.close();
    batch.close();
    weights.close();
    backend.close();
  }
}
