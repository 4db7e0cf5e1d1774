package jllm.format.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.quant.RandomBlocks;

/**
 * Random weights, made when asked for: for tests, and for models that only measure speed. Each
 * depends on the seed and its name alone.
 *
 * <p>Matrices have a standard deviation of 1/sqrt(inputs), so that activations keep their size;
 * norms are about 1, biases small.
 */
public final class RandomWeights implements WeightSource {
  private static final float SMALL = 0.1f;

  /** Numbers drawn for a matrix. */
  private static final int MAX_DRAWN = 1 << 21;

  /** The fewest elements that rows are rotated by. */
  private static final int MIN_ROTATION = 32;

  private final ModelConfig config;
  private final TypeChooser types;
  private final long seed;
  private final Map<String, Shape> shapes = new LinkedHashMap<>();
  private final Map<String, Made> made = new HashMap<>();

  private record Made(Tensor tensor, Arena arena) {}

  /** Which type a weight has. */
  @FunctionalInterface
  public interface TypeChooser {
    DType typeOf(String name, Shape shape);
  }

  /** Vectors and routers are F32 whatever the chooser says. */
  public RandomWeights(ModelConfig config, TypeChooser types, long seed) {
    this.config = config;
    this.types = types;
    this.seed = seed;
    Family family = Families.of(config, "random weights");
    WeightLayout.forEach(config, family::usuallyHas, shapes::put);
  }

  /** All matrices are of one type. */
  public RandomWeights(ModelConfig config, DType type, long seed) {
    this(config, (_, _) -> type, seed);
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public boolean has(String name) {
    return shapes.containsKey(name);
  }

  @Override
  public DType dtype(String name) {
    return typeOf(name, shape(name));
  }

  private Shape shape(String name) {
    Shape shape = shapes.get(name);
    if (shape == null) {
      throw new ModelFormatException("random weights: tensor " + name + " is missing");
    }
    return shape;
  }

  private DType typeOf(String name, Shape shape) {
    boolean plain = shape.rank() == 1 || name.contains("." + WeightNames.ROUTER + ".");
    return plain ? DType.F32 : types.typeOf(name, shape);
  }

  @Override
  public synchronized Tensor tensor(String name) {
    Made present = made.get(name);
    if (present != null) {
      return present.tensor();
    }
    Shape shape = shape(name);
    Arena arena = Arena.ofShared();
    Tensor tensor = make(arena, name, shape);
    made.put(name, new Made(tensor, arena));
    return tensor;
  }

  private Tensor make(Arena arena, String name, Shape shape) {
    RandomGenerator random = new SplittableRandom(seed * 31 + name.hashCode());
    if (shape.rank() > 1) {
      Tensor tensor = Tensor.allocate(arena, typeOf(name, shape), shape);
      fill(tensor, random, (float) (1 / Math.sqrt(shape.columns())));
      return tensor;
    }
    Tensor tensor = Tensor.allocate(arena, DType.F32, shape);
    float mean = name.endsWith("norm.weight") ? 1 : 0;
    for (int i = 0; i < shape.columns(); i++) {
      float value = mean + SMALL * (float) random.nextGaussian();
      tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
    return tensor;
  }

  /**
   * Fills a matrix. Beyond the first rows of a large one, for which drawing numbers would take most
   * of the time, rows are made of the blocks of earlier ones, rotated so that no two are the same.
   */
  private static void fill(Tensor tensor, RandomGenerator random, float sigma) {
    long rows = tensor.shape().rows();
    int columns = tensor.columns();
    int unit = Math.max(tensor.dtype().blockLength(), Math.min(columns, MIN_ROTATION));
    int units = columns / unit;
    long drawn = Math.min(rows, Math.max(MAX_DRAWN / columns + 1, (rows + units - 1) / units));
    RandomBlocks.fill(tensor.reshape((int) rows, columns).slice(0, (int) drawn), random, sigma);
    long rowBytes = tensor.dtype().bytes(columns);
    long unitBytes = tensor.dtype().bytes(unit);
    MemorySegment data = tensor.segment();
    for (long row = drawn; row < rows; row++) {
      long turned = row / drawn * unitBytes;
      long from = row % drawn * rowBytes;
      long to = row * rowBytes;
      MemorySegment.copy(data, from + turned, data, to, rowBytes - turned);
      MemorySegment.copy(data, from, data, to + rowBytes - turned, turned);
    }
  }

  @Override
  public synchronized void release(String name) {
    Made present = made.remove(name);
    if (present != null) {
      present.arena().close();
    }
  }

  @Override
  public synchronized void close() {
    made.values().forEach(present -> present.arena().close());
    made.clear();
  }
}
