package jllm.format.model;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import jllm.format.Json;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.format.WriteListener;
import jllm.format.safetensors.SafetensorsWriter;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/**
 * Writes the weights of a model as the safetensors files of a Hugging Face folder: one, or several
 * with an index when they are to stay below a size.
 */
public final class HubWeightsWriter {
  /** What the files are called; an index is a text beside them. */
  public static final String SINGLE = "model.safetensors";

  public static final String INDEX = "model.safetensors.index.json";

  private final HubOrdered source;
  private final ModelConfig config;
  private final Family family;
  private final HubNames names;
  private final Types types;
  private final List<List<Part>> shards = new ArrayList<>();

  /** The type that a tensor gets: F64, F32, F16 or BF16. */
  @FunctionalInterface
  public interface Types {
    /**
     * Chooses a type.
     *
     * @param hubName what the files call it
     * @param stored the type that the source has it in
     */
    DType of(String hubName, DType stored);
  }

  /** A file to be written. */
  public record FilePlan(String name, List<SafetensorsWriter.Entry> tensors) {
    public long bytes() {
      return tensors.stream().mapToLong(SafetensorsWriter.Entry::bytes).sum();
    }
  }

  /**
   * A tensor of a file.
   *
   * @param name of ours
   * @param expert whose part of the weight it is, -1 where it is the whole
   */
  private record Part(String name, int expert, SafetensorsWriter.Entry entry) {}

  /**
   * Plans the files; nothing is written and no weight looked at.
   *
   * @param maxShardBytes the most that a file's tensors take, if it holds more than one
   */
  public HubWeightsWriter(WeightSource source, Types types, long maxShardBytes) {
    this.source = new HubOrdered(source);
    this.config = this.source.config();
    this.family = Families.of(config, "a Hugging Face folder");
    this.names = new HubNames(family.hub());
    this.types = types;
    List<Part> parts = new ArrayList<>();
    WeightLayout.forEach(config, source::has, (name, shape) -> declare(parts, name, shape));
    // Wider elements first: then each tensor is aligned to its own.
    parts.sort(Comparator.comparingInt(part -> -part.entry().dtype().blockBytes()));
    split(parts, maxShardBytes);
  }

  private void declare(List<Part> parts, String name, Shape shape) {
    String hubName = names.of(name);
    if (!hubName.contains("*")) {
      boolean turned = layout(name) == HubLayout.TRANSPOSED && shape.rank() == 2;
      Shape stored = turned ? Shape.of(shape.dim(1), shape.dim(0)) : shape;
      parts.add(new Part(name, -1, entry(hubName, name, stored)));
      return;
    }
    for (int expert = 0; expert < shape.dim(0); expert++) {
      String one = hubName.replace("*", Integer.toString(expert));
      parts.add(new Part(name, expert, entry(one, name, Shape.of(shape.dim(1), shape.dim(2)))));
    }
  }

  private SafetensorsWriter.Entry entry(String hubName, String name, Shape shape) {
    return new SafetensorsWriter.Entry(hubName, types.of(hubName, source.dtype(name)), shape);
  }

  private HubLayout layout(String name) {
    HubNames.Parts parts = HubNames.Parts.of(name);
    return parts == null ? HubLayout.AS_IS : family.hub().layout(parts);
  }

  private void split(List<Part> parts, long maxShardBytes) {
    long bytes = 0;
    List<Part> shard = new ArrayList<>();
    for (Part part : parts) {
      if (!shard.isEmpty() && bytes > maxShardBytes - part.entry().bytes()) {
        shards.add(shard);
        shard = new ArrayList<>();
        bytes = 0;
      }
      shard.add(part);
      bytes += part.entry().bytes();
    }
    shards.add(shard);
  }

  /** The files, in their order, without the index. */
  public List<FilePlan> files() {
    List<FilePlan> files = new ArrayList<>();
    for (int i = 0; i < shards.size(); i++) {
      String name =
          shards.size() == 1
              ? SINGLE
              : "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
      files.add(new FilePlan(name, shards.get(i).stream().map(Part::entry).toList()));
    }
    return files;
  }

  /** The index that says which file holds what, absent where there is one file. */
  public @Nullable Map<String, Object> index() {
    if (shards.size() == 1) {
      return null;
    }
    Map<String, Object> map = new TreeMap<>();
    long total = 0;
    for (FilePlan file : files()) {
      file.tensors().forEach(tensor -> map.put(tensor.name(), file.name()));
      total += file.bytes();
    }
    Map<String, Object> index = new LinkedHashMap<>();
    index.put("metadata", Map.of("total_size", total));
    index.put("weight_map", map);
    return index;
  }

  /** What {@code torch_dtype} of the configuration says: the type of most of the model. */
  public String torchType() {
    List<Part> last = shards.getLast();
    return switch (last.isEmpty() ? DType.F32 : last.getLast().entry().dtype()) {
      case BF16 -> "bfloat16";
      case F16 -> "float16";
      case F64 -> "float64";
      default -> "float32";
    };
  }

  /**
   * Writes the files into a folder, which must be there. The weights are taken one by one and
   * released.
   *
   * @throws IOException if a file cannot be written
   */
  public void write(Path folder, WriteListener listener) throws IOException {
    List<FilePlan> files = files();
    for (int i = 0; i < shards.size(); i++) {
      FilePlan file = files.get(i);
      try (SafetensorsWriter writer =
          SafetensorsWriter.create(
              folder.resolve(file.name()), Map.of("format", "pt"), file.tensors())) {
        writer.listen(listener);
        writeShard(writer, shards.get(i));
        writer.commit();
      }
    }
    Map<String, Object> index = index();
    if (index != null) {
      HubModelWriter.writeFile(folder.resolve(INDEX), Json.format(index));
    }
  }

  private void writeShard(SafetensorsWriter writer, List<Part> parts) throws IOException {
    for (int i = 0; i < parts.size(); i++) {
      String name = parts.get(i).name();
      write(writer, parts.get(i));
      if (i + 1 == parts.size() || !parts.get(i + 1).name().equals(name)) {
        source.release(name);
      }
    }
  }

  private void write(SafetensorsWriter writer, Part part) throws IOException {
    Tensor weight = source.tensor(part.name());
    if (part.expert() >= 0) {
      Shape shape = weight.shape();
      weight = weight.slice(part.expert(), 1).reshape(shape.dim(1), shape.dim(2));
    }
    try (Arena arena = Arena.ofShared()) {
      DType dtype = part.entry().dtype();
      HubLayout layout = layout(part.name());
      DType between = layout == HubLayout.LESS_ONE ? DType.F32 : dtype;
      Tensor laidOut = layout.write(as(between, weight, arena), config.attention().heads(), arena);
      Tensor stored = as(dtype, laidOut, arena);
      writer.write(stored.segment().asSlice(0, Tensor.byteSize(dtype, stored.shape())));
    }
  }

  private static Tensor as(DType dtype, Tensor tensor, Arena arena) {
    return tensor.dtype() == dtype ? tensor : Conversions.convert(tensor, dtype, arena);
  }
}
