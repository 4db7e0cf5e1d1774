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
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.StochasticRounding;
import jllm.tensor.Tensor;
import jllm.tensor.grad.Parameters;
import jllm.tensor.quant.BlockEncoder;
import jllm.train.data.TrainingData;
import org.jspecify.annotations.Nullable;

/**
 * What is trained: the weights of a model, or an adapter of one; with gradients and the moments of
 * the optimizer. All of a {@link Group} lie one after the other, so that the optimizer sees a few
 * long vectors.
 */
public abstract sealed class TrainedTensors implements AutoCloseable
    permits TrainedWeights, TrainedAdapter {
  /** Elements between which weights begin: a cache line of F32. */
  private static final int ALIGNMENT = 16;

  /** The most elements of a group: tensors count in ints. */
  private static final long MAX_GROUP = 1L << 30;

  private final Backend backend;
  private final Memory memory;
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

  record Kind(boolean matrix, boolean rounded) {}

  TrainedTensors(Backend backend) {
    this.backend = backend;
    this.memory = backend.memory();
  }

  /**
   * Makes room for tensors, in vectors by their kinds.
   *
   * @throws OutOfMemoryError if there is none
   */
  final void allocate(Map<String, Shape> shapes, Kinds kindOf) {
    Map<Kind, Map<String, Shape>> kinds = new LinkedHashMap<>();
    shapes.forEach((name, shape) ->
        kinds.computeIfAbsent(kindOf.of(name, shape), _ -> new LinkedHashMap<>()).put(name, shape));
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
    for (String name : shapes.keySet()) {
      Weight weight = weight(name);
      parameters.add(new Parameters.Parameter(name, weight.model(), weight.gradient()));
    }
  }

  /** Which kind a tensor is of. */
  @FunctionalInterface
  interface Kinds {
    Kind of(String name, Shape shape);
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

  /** Gives a tensor the values that {@code writer} puts into host memory of its size. */
  final void set(Tensor tensor, Consumer<MemorySegment> writer) {
    if (tensor.isOnHost()) {
      writer.accept(tensor.segment());
      return;
    }
    try (Arena arena = Arena.ofShared()) {
      MemorySegment values = arena.allocate(tensor.storage().byteSize(), Tensor.ALIGNMENT);
      writer.accept(values);
      backend.upload(tensor, values);
    }
  }

  /** A tensor where the host can read it: itself, or a copy in {@code arena}. */
  final Tensor onHost(Tensor tensor, Arena arena) {
    if (tensor.isOnHost()) {
      return tensor;
    }
    Tensor copy = Tensor.allocate(arena, tensor.dtype(), tensor.shape());
    backend.download(copy.segment(), tensor);
    return copy;
  }

  /** Gives the model the values of the masters, to nearest, where it has others. */
  final void round() {
    round(null);
  }

  /**
   * The same as an update with that rounding does it.
   *
   * @param rounding absent: to nearest
   */
  final void round(@Nullable StochasticRounding rounding) {
    long chunk = 0;
    for (Group group : groups) {
      Tensor rounded = group.rounded();
      if (rounded != null) {
        round(group.master(), rounded, rounding, chunk);
      }
      chunk += StochasticRounding.chunks(group.master().columns());
    }
  }

  private void round(
      Tensor master, Tensor rounded, @Nullable StochasticRounding rounding, long firstChunk) {
    BlockEncoder nearest = BlockEncoder.of(DType.BF16).orElseThrow();
    int step = 16 * StochasticRounding.CHUNK;
    for (int from = 0; from < master.columns(); from += step) {
      int count = Math.min(step, master.columns() - from);
      long chunk = firstChunk + from / StochasticRounding.CHUNK;
      try (Arena arena = Arena.ofConfined()) {
        Tensor part = onHost(master.slice(from, count), arena);
        float[] values = part.segment().toArray(ValueLayout.JAVA_FLOAT);
        set(
            rounded.slice(from, count),
            bits -> {
              if (rounding == null) {
                nearest.encode(values, 0, count, bits, 0);
              } else {
                rounding.round(values, chunk, bits);
              }
            });
      }
    }
  }

  /** The configuration of the model. */
  public abstract ModelConfig config();

  /** The type of the matrices that are trained, as the model computes with them. */
  public abstract DType matrixType();

  final Backend backend() {
    return backend;
  }

  /** The model, computing with what is trained. */
  abstract Transformer model(Backend backend);

  /** Probability that a component of what an adapter sees is dropped; 0 without an adapter. */
  abstract float adapterDropout();

  /**
   * What a run will take.
   *
   * @throws DataException if the data are too few for a batch
   */
  public abstract RunPlan plan(TrainOptions options, TrainingData data);

  final boolean contains(String name) {
    return weights.containsKey(name);
  }

  /** All weights, in the order of the model's groups. */
  final Iterable<Weight> all() {
    return weights.values();
  }

  final Weight weight(String name) {
    Weight weight = weights.get(name);
    if (weight == null) {
      throw new ModelFormatException("what is trained: tensor " + name + " is missing");
    }
    return weight;
  }

  final List<Group> groups() {
    return groups;
  }

  /** The weights with their gradients, for a training step. */
  public final Parameters parameters() {
    return parameters;
  }

  @Override
  public void close() {
    memory.close();
  }
}
