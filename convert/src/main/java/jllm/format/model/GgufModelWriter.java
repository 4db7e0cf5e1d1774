package jllm.format.model;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
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
  private final Map<String, Tensor> constants = new LinkedHashMap<>();
  private final List<GgufWriter.Entry> entries = new ArrayList<>();

  private GgufModelWriter(WeightSource source) {
    this.source = source;
    this.config = GgufMetadataWriter.normalized(source.config());
    this.family = Families.require(config.architecture(), "GGUF");
  }

  /**
   * Writes a file. The weights are taken one by one and released.
   *
   * @param extra metadata besides the hyperparameters: a name, a vocabulary ({@link
   *     GgufVocabulary#write})...; replaces what is derived where keys are the same
   * @throws IOException if the file cannot be written
   * @throws IllegalArgumentException if the format cannot express the configuration
   */
  public static void write(Path target, WeightSource source, Map<String, GgufValue> extra)
      throws IOException {
    new GgufModelWriter(source).write(target, extra);
  }

  private void write(Path target, Map<String, GgufValue> extra) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      constants(arena);
      constants.forEach((name, tensor) -> declare(name, tensor.dtype(), tensor.shape()));
      List<String> names = new ArrayList<>();
      WeightLayout.forEach(
          config,
          source::has,
          (name, shape) -> {
            names.add(name);
            declare(name, source.dtype(name), shape);
          });
      Map<String, GgufValue> metadata = new GgufMetadataWriter(config, family).write(entries);
      metadata.putAll(extra);
      try (GgufWriter writer = GgufWriter.create(target, metadata, entries)) {
        for (Tensor constant : constants.values()) {
          writer.write(constant.segment());
        }
        for (String name : names) {
          writeWeight(writer, name);
        }
        writer.commit();
      }
    }
  }

  private void declare(String name, DType type, Shape shape) {
    entries.add(new GgufWriter.Entry(name, GgmlType.of(type), shape));
  }

  private void constants(Arena arena) {
    if (config.position() instanceof PositionConfig.Rope rope
        && rope.scaling() instanceof RopeScaling.Divisors divisors) {
      if (divisors.sameForAllLengths()) {
        constant(arena, WeightNames.ROPE_FREQUENCIES, divisors.shortDivisors());
      } else {
        constant(arena, GgufParameters.LONG_FACTORS, divisors.longDivisors());
        constant(arena, GgufParameters.SHORT_FACTORS, divisors.shortDivisors());
      }
    }
  }

  private void constant(Arena arena, String name, float[] values) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, Shape.of(values.length));
    MemorySegment.copy(values, 0, tensor.segment(), ValueLayout.JAVA_FLOAT, 0, values.length);
    constants.put(name, tensor);
  }

  private void writeWeight(GgufWriter writer, String name) throws IOException {
    Tensor tensor = source.tensor(name);
    RowOrder order = RowOrder.of(source.config(), family.pairing(), name);
    if (order == null) {
      writer.write(tensor.segment().asSlice(0, Tensor.byteSize(tensor.dtype(), tensor.shape())));
    } else {
      order.write(writer::write, tensor);
    }
    source.release(name);
  }
}
