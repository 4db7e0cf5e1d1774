package jllm.train;

import java.lang.foreign.MemorySegment;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.format.model.HubModelWriter;
import jllm.format.model.HubOrdered;
import jllm.format.model.ModelArchitectures;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import jllm.train.data.TrainingData;
import jllm.train.model.Initialization;

/** All weights of a model, in training. */
public final class TrainedWeights extends TrainedTensors implements WeightSource {
  private final ModelConfig config;
  private final DType matrixType;

  private TrainedWeights(ModelConfig config, DType matrixType, Backend backend) {
    super(backend);
    this.config = config;
    this.matrixType = matrixType;
    allocate(ModelArchitectures.weights(config), this::kind);
  }

  /** Vectors and routers are F32 in any case: they are few, and small steps change them. */
  private Kind kind(String name, Shape shape) {
    return new Kind(shape.rank() > 1, isRounded(name, shape) && matrixType == DType.BF16);
  }

  /** Whether a weight is BF16 where matrices are. */
  static boolean isRounded(String name, Shape shape) {
    return shape.rank() > 1 && !name.contains("." + WeightNames.ROUTER + ".");
  }

  /**
   * New weights.
   *
   * @param matrixType F32, or BF16 of matrices, which have F32 masters then
   * @param backend that trains them
   * @throws OutOfMemoryError if there is no room for them
   */
  public static TrainedWeights random(
      ModelConfig config, DType matrixType, long seed, Backend backend) {
    TrainedWeights weights = new TrainedWeights(config, matrixType, backend);
    Initialization initialization = new Initialization(config, seed);
    for (Weight weight : weights.all()) {
      weights.set(
          weight.master(),
          values -> initialization.fill(weight.name(), weight.master().shape(), values));
    }
    weights.round();
    return weights;
  }

  /**
   * A copy of a model's weights, of whatever type.
   *
   * @param backend that trains them
   * @throws OutOfMemoryError if there is no room for them
   */
  public static TrainedWeights copy(WeightSource source, DType matrixType, Backend backend) {
    TrainedWeights weights;
    try (HubOrdered ordered = new HubOrdered(source)) {
      weights = new TrainedWeights(ordered.config(), matrixType, backend);
      for (Weight weight : weights.all()) {
        Tensor stored = ordered.tensor(weight.name());
        requireShape(stored, weight.master());
        weights.set(weight.master(), values -> widen(stored, values));
        ordered.release(weight.name());
      }
    }
    weights.round();
    return weights;
  }

  /** What the model computes with, for those who read it on the host; closed before this. */
  public WeightSource onHost() {
    return new HostWeights(this);
  }

  private static void requireShape(Tensor source, Tensor master) {
    if (!source.shape().equals(master.shape())) {
      throw new ModelFormatException(
          "a weight of shape " + source.shape() + " where " + master.shape() + " is expected");
    }
  }

  private static void widen(Tensor source, MemorySegment master) {
    int columns = source.columns();
    for (long row = 0; row < source.shape().rows(); row++) {
      MemorySegment.copy(
          MemorySegment.ofArray(Conversions.row(source, row)),
          0,
          master,
          row * columns * Float.BYTES,
          (long) columns * Float.BYTES);
    }
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public boolean has(String name) {
    return contains(name);
  }

  @Override
  public Tensor tensor(String name) {
    return weight(name).model();
  }

  @Override
  public DType matrixType() {
    return matrixType;
  }

  @Override
  Transformer model(Backend backend) {
    return Transformer.trainable(this, backend, parameters());
  }

  @Override
  float adapterDropout() {
    return 0;
  }

  /**
   * {@inheritDoc}
   *
   * @throws SettingsException if checkpoints of the model cannot be written
   */
  @Override
  public RunPlan plan(TrainOptions options, TrainingData data) {
    try {
      HubModelWriter.config(config);
    } catch (IllegalArgumentException e) {
      throw new SettingsException("checkpoints of this model cannot be written: " + e.getMessage());
    }
    return RunPlan.of(config, options, data, backend());
  }

  /** They stay: what is in training is never released. */
  @Override
  public void release(String name) {}
}
