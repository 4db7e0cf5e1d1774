package jllm.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.format.model.HubOrdered;
import jllm.format.model.ModelArchitectures;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.grad.Parameters;
import jllm.tensor.quant.BlockEncoder;
import jllm.tensor.quant.Conversions;
import jllm.train.model.Initialization;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a model in training, with their gradients and the moments of the optimizer. All of
 * a {@link Group} lie one after the other, so that the optimizer sees a few long vectors.
 */
public final class TrainedWeights implements WeightSource {
  /** Elements between which weights begin: a cache line of F32. */
  private static final int ALIGNMENT = 16;

  /** The most elements of a group: tensors count in ints. */
  private static final long MAX_GROUP = 1L << 30;

  private final Backend backend;
  private final Memory memory;
  private final ModelConfig config;
  private final DType matrixType;
  private final Map<String, Weight> weights = new LinkedHashMap<>();
  private final List<Group> groups = new ArrayList<>();
  private final Parameters parameters = new Parameters();

  /**
   * Vectors over the weights of a kind, F32 [n].
   *
   * @param matrices whether these are matrices; weight decay is for them
   * @param master the weights that the optimizer writes
   * @param rounded BF16 [n], those that the model computes with; absent: the masters
   */
  record Group(
      boolean matrices,
      Tensor master,
      @Nullable Tensor rounded,
      Tensor gradient,
      Tensor firstMoment,
      Tensor secondMoment) {}

  /**
   * One weight: views of its group.
   *
   * @param model what the model computes with
   */
  record Weight(
      String name,
      Tensor model,
      Tensor master,
      Tensor gradient,
      Tensor firstMoment,
      Tensor secondMoment) {}

  private record Kind(boolean matrix, boolean rounded) {}

  private TrainedWeights(ModelConfig config, DType matrixType, Backend backend) {
    this.backend = backend;
    this.memory = backend.memory();
    this.config = config;
    this.matrixType = matrixType;
    Map<Kind, Map<String, Shape>> kinds = new LinkedHashMap<>();
    ModelArchitectures.weights(config)
        .forEach((name, shape) ->
            kinds.computeIfAbsent(kind(name, shape), _ -> new LinkedHashMap<>()).put(name, shape));
    boolean complete = false;
    try {
      kinds.forEach(this::divide);
      complete = true;
    } finally {
      if (!complete) {
        memory.close();
      }
    }
    // In the order of the model, whatever the groups.
    for (String name : ModelArchitectures.weights(config).keySet()) {
      Weight weight = weight(name);
      parameters.add(new Parameters.Parameter(name, weight.model(), weight.gradient()));
    }
  }

  /** Vectors and routers are F32 in any case: they are few, and small steps change them. */
  private Kind kind(String name, Shape shape) {
    boolean matrix = shape.rank() > 1;
    boolean router = name.contains("." + WeightNames.ROUTER + ".");
    return new Kind(matrix, matrix && !router && matrixType == DType.BF16);
  }

  private void divide(Kind kind, Map<String, Shape> shapes) {
    Map<String, Shape> group = new LinkedHashMap<>();
    long size = 0;
    for (Map.Entry<String, Shape> entry : shapes.entrySet()) {
      long elements = aligned(entry.getValue().elements());
      if (size > 0 && size + elements > MAX_GROUP) {
        allocate(kind, group, size);
        group.clear();
        size = 0;
      }
      group.put(entry.getKey(), entry.getValue());
      size += elements;
    }
    allocate(kind, group, size);
  }

  private void allocate(Kind kind, Map<String, Shape> shapes, long size) {
    Shape flat = Shape.of(Math.toIntExact(size));
    Tensor master = memory.tensor(DType.F32, flat);
    Tensor rounded = kind.rounded() ? memory.tensor(DType.BF16, flat) : null;
    Group group =
        new Group(
            kind.matrix(),
            master,
            rounded,
            memory.tensor(DType.F32, flat),
            memory.tensor(DType.F32, flat),
            memory.tensor(DType.F32, flat));
    groups.add(group);
    long at = 0;
    for (Map.Entry<String, Shape> entry : shapes.entrySet()) {
      Shape shape = entry.getValue();
      weights.put(
          entry.getKey(),
          new Weight(
              entry.getKey(),
              view(rounded == null ? master : rounded, at, shape),
              view(master, at, shape),
              view(group.gradient(), at, shape),
              view(group.firstMoment(), at, shape),
              view(group.secondMoment(), at, shape)));
      at += aligned(shape.elements());
    }
  }

  private static long aligned(long elements) {
    return (elements + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  private static Tensor view(Tensor flat, long from, Shape shape) {
    DType dtype = flat.dtype();
    long bytes = Tensor.byteSize(dtype, shape);
    return new Tensor(dtype, shape, flat.storage().slice(from * dtype.blockBytes(), bytes));
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
    for (Weight weight : weights.weights.values()) {
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
      for (Weight weight : weights.weights.values()) {
        Tensor stored = ordered.tensor(weight.name());
        requireShape(stored, weight.master());
        weights.set(weight.master(), values -> widen(stored, values));
        ordered.release(weight.name());
      }
    }
    weights.round();
    return weights;
  }

  /** Gives a tensor the values that {@code writer} puts into host memory of its size. */
  void set(Tensor tensor, Consumer<MemorySegment> writer) {
    if (tensor.isOnHost()) {
      writer.accept(tensor.segment());
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(tensor.storage().byteSize(), Tensor.ALIGNMENT);
      writer.accept(values);
      backend.upload(tensor, values);
    }
  }

  /** A tensor where the host can read it: itself, or a copy in {@code arena}. */
  Tensor onHost(Tensor tensor, Arena arena) {
    if (tensor.isOnHost()) {
      return tensor;
    }
    Tensor copy = Tensor.allocate(arena, tensor.dtype(), tensor.shape());
    backend.download(copy.segment(), tensor);
    return copy;
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

  /** Gives the model the values of the masters, where it has others. */
  void round() {
    for (Group group : groups) {
      Tensor rounded = group.rounded();
      if (rounded != null) {
        BlockEncoder encoder = BlockEncoder.of(DType.BF16).orElseThrow();
        int step = 1 << 16;
        for (int from = 0; from < group.master().columns(); from += step) {
          int count = Math.min(step, group.master().columns() - from);
          try (Arena arena = Arena.ofConfined()) {
            Tensor part = onHost(group.master().slice(from, count), arena);
            float[] values = part.segment().toArray(ValueLayout.JAVA_FLOAT);
            set(rounded.slice(from, count), bits -> encoder.encode(values, 0, count, bits, 0));
          }
        }
      }
    }
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public boolean has(String name) {
    return weights.containsKey(name);
  }

  @Override
  public Tensor tensor(String name) {
    return weight(name).model();
  }

  /** All weights, in the order of the model's groups. */
  Iterable<Weight> all() {
    return weights.values();
  }

  private Weight weight(String name) {
    Weight weight = weights.get(name);
    if (weight == null) {
      throw new ModelFormatException("the model in training: tensor " + name + " is missing");
    }
    return weight;
  }

  List<Group> groups() {
    return groups;
  }

  /** The weights with their gradients, for a training step. */
  public Parameters parameters() {
    return parameters;
  }

  /** The type of the matrices that the model computes with. */
  public DType matrixType() {
    return matrixType;
  }

  /** They stay: what is in training is never released. */
  @Override
  public void release(String name) {}

  @Override
  public void close() {
    memory.close();
  }
}
