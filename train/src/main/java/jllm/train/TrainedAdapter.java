package jllm.train;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.WeightSource;
import jllm.format.convert.TypedWeights;
import jllm.format.lora.Fingerprint;
import jllm.format.lora.GgufAdapter;
import jllm.format.lora.LoraAdapter;
import jllm.format.lora.LoraOrigin;
import jllm.format.lora.LoraPair;
import jllm.format.lora.PeftWriter;
import jllm.format.model.LinearLayers;
import jllm.format.model.ModelArchitectures;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.train.data.TrainingData;
import jllm.train.model.ModelCosts;
import jllm.train.model.TrainingFlops;

/**
 * A low-rank adapter in training over a model whose weights, of whatever type, stay as they are (Hu
 * et al. 2021; over quantized weights, Dettmers et al. 2023).
 */
public final class TrainedAdapter extends TrainedTensors {
  private static final String A = ".lora_a";
  private static final String B = ".lora_b";

  /** Small files of a checkpoint. */
  private static final long AROUND = 1 << 20;

  private final WeightSource base;
  private final LinearLayers layers;
  private final DType matrixType;

  /** What the model computes with. */
  private final LoraAdapter adapter;

  /** What the optimizer writes, and files get. */
  private final LoraAdapter masters;

  private TrainedAdapter(
      WeightSource base,
      String baseName,
      LinearLayers layers,
      Map<LinearLayers.Layer, Integer> ranks,
      AdapterOptions options,
      DType matrixType,
      Backend backend) {
    super(backend);
    this.base = matrixType == DType.BF16 ? rounded(base, baseName) : base;
    this.layers = layers;
    this.matrixType = matrixType;
    Map<String, Shape> shapes = new LinkedHashMap<>();
    ranks.forEach((layer, rank) -> {
      shapes.put(layer.name() + A, Shape.of(rank, layer.shape().dim(1)));
      shapes.put(layer.name() + B, Shape.of(layer.shape().dim(0), rank));
    });
    allocate(shapes, (_, _) -> new Kind(true, matrixType == DType.BF16));
    LoraOrigin origin = new LoraOrigin(baseName, Fingerprint.of(base), options.dropout());
    adapter = adapter(origin, ranks, options, Weight::model);
    masters = adapter(origin, ranks, options, Weight::master);
  }

  /** The base with its float matrices in BF16; those that are quantized stay as they are. */
  private static WeightSource rounded(WeightSource base, String name) {
    Map<String, Shape> shapes = ModelArchitectures.weights(base.config());
    return new TypedWeights(
        base,
        name,
        (weight, stored) -> {
          Shape shape = shapes.get(weight);
          boolean matrix = shape != null && TrainedWeights.isRounded(weight, shape);
          return matrix && !stored.isQuantized() ? DType.BF16 : stored;
        });
  }

  private LoraAdapter adapter(
      LoraOrigin origin,
      Map<LinearLayers.Layer, Integer> ranks,
      AdapterOptions options,
      Function<Weight, Tensor> matrix) {
    Map<String, LoraPair> pairs = new LinkedHashMap<>();
    for (LinearLayers.Layer layer : ranks.keySet()) {
      pairs.put(
          layer.name(),
          new LoraPair(
              matrix.apply(weight(layer.name() + A)),
              matrix.apply(weight(layer.name() + B)),
              options.alpha(),
              options.rankStabilized()));
    }
    return new LoraAdapter("the adapter in training", origin, pairs, null);
  }

  /**
   * A new adapter, which changes nothing yet: A is random, B zero.
   *
   * @param base read by the model, and not closed with this
   * @param matrixType F32, or BF16: then the model computes with its float matrices and the adapter
   *     rounded, and the adapter has F32 masters
   * @throws SettingsException if the model has no such layers
   * @throws OutOfMemoryError if there is no room
   */
  public static TrainedAdapter random(
      ModelFile base, AdapterOptions options, DType matrixType, long seed, Backend backend) {
    return random(base.weights(), base.path().toString(), options, matrixType, seed, backend);
  }

  /**
   * A new adapter, as {@link #random(ModelFile, AdapterOptions, DType, long, Backend)} makes it.
   *
   * @param baseName name or path of the model
   */
  static TrainedAdapter random(
      WeightSource base,
      String baseName,
      AdapterOptions options,
      DType matrixType,
      long seed,
      Backend backend) {
    LinearLayers layers = LinearLayers.of(base);
    Map<LinearLayers.Layer, Integer> ranks = new LinkedHashMap<>();
    options.choose(layers).forEach(layer -> ranks.put(layer, options.rank()));
    TrainedAdapter trained =
        new TrainedAdapter(base, baseName, layers, ranks, options, matrixType, backend);
    for (Weight weight : trained.all()) {
      if (weight.name().endsWith(A)) {
        trained.set(weight.master(), values -> fill(weight, seed, values));
      }
    }
    trained.round();
    return trained;
  }

  /** Uniform within 1/sqrt(I), as PyTorch's linear layers begin. */
  private static void fill(Weight weight, long seed, MemorySegment values) {
    SplittableRandom random = new SplittableRandom(seed * 31 + weight.name().hashCode());
    double bound = 1 / Math.sqrt(weight.master().columns());
    for (long i = 0; i < weight.master().shape().elements(); i++) {
      values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-bound, bound));
    }
  }

  /**
   * An adapter that was saved.
   *
   * @param saved opened for {@code base}
   * @param options its targets do not count
   */
  static TrainedAdapter copy(
      ModelFile base,
      LoraAdapter saved,
      AdapterOptions options,
      DType matrixType,
      Backend backend) {
    LinearLayers layers = LinearLayers.of(base.weights());
    Map<LinearLayers.Layer, Integer> ranks = new LinkedHashMap<>();
    saved
        .pairs()
        .forEach((name, pair) -> {
          LinearLayers.Layer layer = layers.ofName(name);
          if (layer == null) {
            throw new ModelFormatException(saved.file() + ": the model has no layer " + name);
          }
          ranks.put(layer, pair.rank());
        });
    TrainedAdapter trained =
        new TrainedAdapter(
            base.weights(), base.path().toString(), layers, ranks, options, matrixType, backend);
    saved
        .pairs()
        .forEach((name, pair) -> {
          trained.put(name + A, pair.a());
          trained.put(name + B, pair.b());
        });
    trained.round();
    return trained;
  }

  private void put(String name, Tensor values) {
    long bytes = Tensor.byteSize(DType.F32, values.shape());
    set(weight(name).master(), target -> MemorySegment.copy(values.segment(), 0, target, 0, bytes));
  }

  /** The layers of the model. */
  public LinearLayers layers() {
    return layers;
  }

  /** Numbers that are trained. */
  public long size() {
    return adapter.parameters();
  }

  /**
   * Writes the two files of PEFT into a folder, which must be there.
   *
   * @throws IOException if they cannot be written
   */
  public void write(Path folder) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      new PeftWriter(onHost(arena), layers).write(folder);
    }
  }

  /**
   * Writes the adapter as llama.cpp reads it.
   *
   * @throws IOException if the file cannot be written
   */
  public void writeGguf(Path file) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      GgufAdapter.write(file, onHost(arena), layers);
    }
  }

  private LoraAdapter onHost(Arena arena) {
    UnaryOperator<Tensor> host = tensor -> onHost(tensor, arena);
    Map<String, LoraPair> pairs = new LinkedHashMap<>();
    masters
        .pairs()
        .forEach((name, pair) ->
            pairs.put(
                name,
                new LoraPair(
                    host.apply(pair.a()),
                    host.apply(pair.b()),
                    pair.alpha(),
                    pair.rankStabilized())));
    return new LoraAdapter(adapter.file(), adapter.origin(), pairs, null);
  }

  @Override
  public ModelConfig config() {
    return layers.config();
  }

  @Override
  public DType matrixType() {
    return matrixType;
  }

  @Override
  Transformer model(Backend backend) {
    return Transformer.tuned(base, backend, adapter, parameters());
  }

  @Override
  float adapterDropout() {
    return (float) adapter.origin().dropout();
  }

  @Override
  public RunPlan plan(TrainOptions options, TrainingData data) {
    RunPlan whole = RunPlan.of(config(), options, data, backend());
    long bytes = size() * Float.BYTES;
    long rounded = matrixType == DType.BF16 ? bytes / 2 : 0;
    ModelCosts.Memory memory =
        new ModelCosts.Memory(
            baseBytes() + bytes + rounded,
            bytes,
            2 * bytes,
            whole.memory().activations() + adapterActivations(options));
    return new RunPlan(
        whole.costs(),
        flops(options.batch().sequenceLength()),
        memory,
        whole.steps(),
        whole.tokensPerStep(),
        whole.dataTokens(),
        3 * bytes + AROUND);
  }

  /** Of training for one token of sequences of {@code length}. */
  public TrainingFlops flops(int length) {
    int first =
        layers.all().stream()
            .filter(layer -> adapter.pairs().containsKey(layer.name()))
            .mapToInt(LinearLayers.Layer::block)
            .min()
            .orElse(0);
    return ModelCosts.of(config(), length).adapterTraining(config(), length, first, size());
  }

  /** Of each adapted layer its inputs after dropout, and what has the rank's width, twice. */
  private long adapterActivations(TrainOptions options) {
    long[] blocks = new long[config().layers()];
    adapter
        .pairs()
        .forEach((name, pair) -> {
          LinearLayers.Layer layer = layers.ofName(name);
          if (layer != null) {
            int inputs = adapterDropout() > 0 ? layer.shape().dim(1) : 0;
            blocks[layer.block()] += inputs + 2L * pair.rank();
          }
        });
    LongStream floats = LongStream.of(blocks);
    long kept = options.recompute() ? floats.max().orElse(0) : floats.sum();
    return kept * options.batch().tokensPerBatch() * Float.BYTES;
  }

  private long baseBytes() {
    long bytes = 0;
    for (Map.Entry<String, Shape> weight : ModelArchitectures.weights(config()).entrySet()) {
      if (base.has(weight.getKey())) {
        bytes += Tensor.byteSize(base.dtype(weight.getKey()), weight.getValue());
      }
    }
    return bytes;
  }

  /** The targets that were chosen, for people. */
  public List<String> targets() {
    return adapter.pairs().keySet().stream().map(name -> name.split("\\.")[2]).distinct().toList();
  }
}
