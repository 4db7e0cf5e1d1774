package jllm.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.ffi.PageAllocator;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.format.model.HubOrdered;
import jllm.format.model.ModelArchitectures;
import jllm.tensor.DType;
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

  private final Arena arena = Arena.ofShared();
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

  private TrainedWeights(ModelConfig config, DType matrixType) {
    this.config = config;
    this.matrixType = matrixType;
    PageAllocator allocator = new PageAllocator(arena);
    Map<Kind, Map<String, Shape>> kinds = new LinkedHashMap<>();
    ModelArchitectures.weights(config)
        .forEach((name, shape) ->
            kinds.computeIfAbsent(kind(name, shape), _ -> new LinkedHashMap<>()).put(name, shape));
    kinds.forEach((kind, shapes) -> divide(kind, shapes, allocator));
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

  private void divide(Kind kind, Map<String, Shape> shapes, PageAllocator allocator) {
    Map<String, Shape> group = new LinkedHashMap<>();
    long size = 0;
    for (Map.Entry<String, Shape> entry : shapes.entrySet()) {
      long elements = aligned(entry.getValue().elements());
      if (size > 0 && size + elements > MAX_GROUP) {
        allocate(kind, group, size, allocator);
        group.clear();
        size = 0;
      }
      group.put(entry.getKey(), entry.getValue());
      size += elements;
    }
    allocate(kind, group, size, allocator);
  }

  private void allocate(Kind kind, Map<String, Shape> shapes, long size, PageAllocator allocator) {
    Shape flat = Shape.of(Math.toIntExact(size));
    Tensor master = Tensor.allocate(allocator, DType.F32, flat);
    Tensor rounded = kind.rounded() ? Tensor.allocate(allocator, DType.BF16, flat) : null;
    Group group =
        new Group(
            kind.matrix(),
            master,
            rounded,
            Tensor.allocate(allocator, DType.F32, flat),
            Tensor.allocate(allocator, DType.F32, flat),
            Tensor.allocate(allocator, DType.F32, flat));
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
    MemorySegment part =
        flat.segment().asSlice(from * dtype.blockBytes(), Tensor.byteSize(dtype, shape));
    return Tensor.of(part, dtype, shape);
  }

  /**
   * New weights.
   *
   * @param matrixType F32, or BF16 of matrices, which have F32 masters then
   * @throws OutOfMemoryError if there is no room for them
   */
  public static TrainedWeights random(ModelConfig config, DType matrixType, long seed) {
    TrainedWeights weights = allocate(config, matrixType);
    Initialization initialization = new Initialization(config, seed);
    for (Weight weight : weights.weights.values()) {
      initialization.fill(weight.name(), weight.master().shape(), weight.master().segment());
    }
    weights.round();
    return weights;
  }

  /**
   * A copy of a model's weights, of whatever type.
   *
   * @throws OutOfMemoryError if there is no room for them
   */
  public static TrainedWeights copy(WeightSource source, DType matrixType) {
    TrainedWeights weights;
    try (HubOrdered ordered = new HubOrdered(source)) {
      weights = allocate(ordered.config(), matrixType);
      for (Weight weight : weights.weights.values()) {
        widen(ordered.tensor(weight.name()), weight.master());
        ordered.release(weight.name());
      }
    }
    weights.round();
    return weights;
  }

  private static TrainedWeights allocate(ModelConfig config, DType matrixType) {
    return new TrainedWeights(config, matrixType);
  }

  private static void widen(Tensor source, Tensor master) {
    if (!source.shape().equals(master.shape())) {
      throw new ModelFormatException(
          "a weight of shape " + source.shape() + " where " + master.shape() + " is expected");
    }
    int columns = source.columns();
    for (long row = 0; row < source.shape().rows(); row++) {
      MemorySegment.copy(
          MemorySegment.ofArray(Conversions.row(source, row)),
          0,
          master.segment(),
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
        for (long from = 0; from < group.master().columns(); from += step) {
          int count = (int) Math.min(step, group.master().columns() - from);
          float[] values =
              group
                  .master()
                  .segment()
                  .asSlice(from * Float.BYTES, (long) count * Float.BYTES)
                  .toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
          encoder.encode(values, 0, count, rounded.segment(), from * Short.BYTES);
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
    arena.close();
  }
}
