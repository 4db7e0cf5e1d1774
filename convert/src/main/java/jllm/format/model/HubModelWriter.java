package jllm.format.model;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.Json;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.format.safetensors.SafetensorsWriter;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import jllm.tokenize.SpecialIds;
import org.jspecify.annotations.Nullable;

/**
 * Writes a model, wherever its weights come from, as a Hugging Face folder: {@code config.json},
 * {@code generation_config.json} and {@code model.safetensors}, with the names and layouts that the
 * reader maps back.
 */
public final class HubModelWriter {
  private final WeightSource source;
  private final ModelConfig config;
  private final Family family;
  private final HubNames names;
  private final @Nullable DType type;
  private final List<Part> parts = new ArrayList<>();

  /**
   * A tensor of the file.
   *
   * @param name of ours
   * @param expert whose part of the weight it is, -1 where it is the whole
   */
  private record Part(String name, int expert, SafetensorsWriter.Entry entry) {}

  private HubModelWriter(WeightSource source, @Nullable DType type) {
    this.source = new HubOrdered(source);
    this.config = this.source.config();
    this.family = Families.of(config, "a Hugging Face folder");
    this.names = new HubNames(family.hub());
    this.type = type;
    if (family.hub().normsLessOne()) {
      throw new IllegalArgumentException(
          "Hugging Face folders of architecture " + family.architecture() + " are not written");
    }
  }

  /**
   * Writes a model into a folder, which must be there. The weights are taken one by one and
   * released.
   *
   * @param type F32, F16 or BF16 of all tensors; absent: as the source has them
   * @param ids what the configurations say of the vocabulary
   * @throws IOException if a file cannot be written
   * @throws IllegalArgumentException if the format cannot express the model
   */
  public static void write(Path folder, WeightSource source, @Nullable DType type, SpecialIds ids)
      throws IOException {
    new HubModelWriter(source, type).write(folder, ids);
  }

  /**
   * The entries of {@code config.json}.
   *
   * @throws IllegalArgumentException if the format cannot express the model
   */
  public static Map<String, @Nullable Object> config(ModelConfig config) {
    return HubConfigWriter.write(config);
  }

  private void write(Path folder, SpecialIds ids) throws IOException {
    Map<String, @Nullable Object> json = HubConfigWriter.write(source.config());
    WeightLayout.forEach(config, source::has, this::declare);
    // Wider elements first: then each tensor is aligned to its own.
    parts.sort(Comparator.comparingInt(part -> -part.entry().dtype().blockBytes()));
    json.put("bos_token_id", id(ids.bos()));
    json.put("eos_token_id", id(ids.eos()));
    json.put("pad_token_id", id(ids.pad()));
    json.put("torch_dtype", torchType());
    writeFile(folder.resolve("config.json"), json);
    writeFile(folder.resolve("generation_config.json"), generation(ids));
    List<SafetensorsWriter.Entry> entries = parts.stream().map(Part::entry).toList();
    try (SafetensorsWriter writer =
        SafetensorsWriter.create(
            folder.resolve("model.safetensors"), Map.of("format", "pt"), entries)) {
      for (int i = 0; i < parts.size(); i++) {
        write(writer, parts.get(i));
        if (i + 1 == parts.size() || !parts.get(i + 1).name().equals(parts.get(i).name())) {
          source.release(parts.get(i).name());
        }
      }
      writer.commit();
    }
  }

  private static Map<String, @Nullable Object> generation(SpecialIds ids) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("_from_model_config", true);
    json.put("bos_token_id", id(ids.bos()));
    json.put("eos_token_id", id(ids.eos()));
    json.put("pad_token_id", id(ids.pad()));
    return json;
  }

  private static @Nullable Integer id(int id) {
    return id < 0 ? null : Integer.valueOf(id);
  }

  private String torchType() {
    return switch (parts.isEmpty() ? DType.F32 : parts.getLast().entry().dtype()) {
      case BF16 -> "bfloat16";
      case F16 -> "float16";
      default -> "float32";
    };
  }

  /** On the disk when it returns: a checkpoint is no stronger than its smallest file. */
  private static void writeFile(Path file, Map<String, @Nullable Object> json) throws IOException {
    Files.write(file, Json.format(json));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  private void declare(String name, Shape shape) {
    DType dtype = type == null ? source.dtype(name) : type;
    String hubName = names.of(name);
    if (!hubName.contains("*")) {
      Shape stored = transposed(name, shape) ? Shape.of(shape.dim(1), shape.dim(0)) : shape;
      parts.add(new Part(name, -1, new SafetensorsWriter.Entry(hubName, dtype, stored)));
      return;
    }
    for (int expert = 0; expert < shape.dim(0); expert++) {
      String one = hubName.replace("*", Integer.toString(expert));
      Shape stored = Shape.of(shape.dim(1), shape.dim(2));
      parts.add(new Part(name, expert, new SafetensorsWriter.Entry(one, dtype, stored)));
    }
  }

  private boolean transposed(String name, Shape shape) {
    HubNames.Parts parts = HubNames.Parts.of(name);
    return parts != null
        && shape.rank() == 2
        && parts.layer() != null
        && family.hub().transposed().contains(parts.part());
  }

  private void write(SafetensorsWriter writer, Part part) throws IOException {
    Tensor weight = source.tensor(part.name());
    if (part.expert() >= 0) {
      Shape shape = weight.shape();
      weight = weight.slice(part.expert(), 1).reshape(shape.dim(1), shape.dim(2));
    }
    try (Arena arena = Arena.ofConfined()) {
      DType dtype = part.entry().dtype();
      Tensor converted =
          weight.dtype() == dtype ? weight : Conversions.convert(weight, dtype, arena);
      if (transposed(part.name(), weight.shape())) {
        writer.write(Weight.Transposed.transpose(converted, arena).segment());
      } else {
        writer.write(bytes(converted));
      }
    }
  }

  private static MemorySegment bytes(Tensor tensor) {
    return tensor.segment().asSlice(0, Tensor.byteSize(tensor.dtype(), tensor.shape()));
  }
}
