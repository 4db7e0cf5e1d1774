package jllm.format.model;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.format.WriteListener;
import jllm.format.gguf.GgmlType;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;

/** Writes a model, wherever its weights come from, as a GGUF file. */
public final class GgufModelWriter {
  private final WeightSource source;
  private final ModelConfig config;
  private final Family family;
  private final Map<String, float[]> constants = new LinkedHashMap<>();
  private final List<String> names = new ArrayList<>();
  private final List<GgufWriter.Entry> entries = new ArrayList<>();
  private final Map<String, GgufValue> metadata;

  /**
   * Plans a file; nothing is written and no weight looked at.
   *
   * @param extra metadata besides the hyperparameters: a name, a vocabulary ({@link
   *     GgufVocabulary#write})...; replaces what is derived where keys are the same
   * @throws IllegalArgumentException if the format cannot express the configuration
   */
  public GgufModelWriter(WeightSource source, Map<String, GgufValue> extra) {
    this.source = source;
    this.config = GgufMetadataWriter.normalized(source.config());
    this.family = Families.require(config.architecture(), "GGUF");
    collectConstants();
    constants.forEach((name, values) -> declare(name, DType.F32, Shape.of(values.length)));
    WeightLayout.forEach(
        config,
        source::has,
        (name, shape) -> {
          names.add(name);
          declare(name, source.dtype(name), shape);
        });
    if (config.tiedOutput() && family.repeatsEmbedding()) {
      names.add(WeightNames.OUTPUT);
      DType type = source.dtype(WeightNames.TOKEN_EMBEDDING);
      declare(WeightNames.OUTPUT, type, Shape.of(config.vocabularySize(), config.width()));
    }
    this.metadata = new GgufMetadataWriter(config, family).write(entries);
    metadata.putAll(extra);
  }

  /**
   * Writes a file. The weights are taken one by one and released.
   *
   * @throws IOException if the file cannot be written
   * @throws IllegalArgumentException as the constructor
   */
  public static void write(Path target, WeightSource source, Map<String, GgufValue> extra)
      throws IOException {
    GgufModelWriter writer = new GgufModelWriter(source, extra);
    writer.write(target, writer.metadata(), WriteListener.NONE);
  }

  /** The configuration as it reads from a GGUF file, which has its own pairing and scaling. */
  public static ModelConfig normalized(ModelConfig config) {
    return GgufMetadataWriter.normalized(config);
  }

  /** The tensors of the file, in its order. */
  public List<GgufWriter.Entry> tensors() {
    return Collections.unmodifiableList(entries);
  }

  /** The metadata of the file, in its order. */
  public Map<String, GgufValue> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  /**
   * Writes the file. The weights are taken one by one and released.
   *
   * @param all its metadata, usually {@link #metadata}
   * @throws IOException if the file cannot be written
   */
  public void write(Path target, Map<String, GgufValue> all, WriteListener listener)
      throws IOException {
    try (GgufWriter writer = GgufWriter.create(target, all, entries)) {
      writer.listen(listener);
      for (float[] values : constants.values()) {
        writeConstant(writer, values);
      }
      for (String name : names) {
        writeWeight(writer, name);
      }
      writer.commit();
    }
  }

  private void declare(String name, DType type, Shape shape) {
    entries.add(new GgufWriter.Entry(name, GgmlType.of(type), shape));
  }

  private void collectConstants() {
    if (config.position() instanceof PositionConfig.Rope rope
        && rope.scaling() instanceof RopeScaling.Divisors divisors) {
      if (divisors.sameForAllLengths()) {
        constants.put(WeightNames.ROPE_FREQUENCIES, divisors.shortDivisors());
      } else {
        constants.put(GgufParameters.LONG_FACTORS, divisors.longDivisors());
        constants.put(GgufParameters.SHORT_FACTORS, divisors.shortDivisors());
      }
    }
  }

  private static void writeConstant(GgufWriter writer, float[] values) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      writer.write(arena.allocateFrom(ValueLayout.JAVA_FLOAT, values));
    }
  }

  private void writeWeight(GgufWriter writer, String weight) throws IOException {
    boolean repeated = weight.equals(WeightNames.OUTPUT) && config.tiedOutput();
    String name = repeated ? WeightNames.TOKEN_EMBEDDING : weight;
    Tensor tensor = source.tensor(name);
    RowOrder order = RowOrder.of(source.config(), family.pairing(), name);
    try (Arena arena = Arena.ofConfined()) {
      Tensor ordered = order == null ? tensor : order.copy(tensor, arena);
      writer.write(ordered.segment().asSlice(0, Tensor.byteSize(tensor.dtype(), tensor.shape())));
    }
    source.release(name);
  }
}
