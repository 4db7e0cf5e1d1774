package jllm.format.safetensors;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.Json;
import jllm.format.MappedFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.tensor.Shape;
import org.jspecify.annotations.Nullable;

/**
 * The JSON text at the start of a file: parsed, and checked against the size of the file.
 *
 * @param metadata the free-form entry {@code __metadata__}
 */
record SafetensorsHeader(Map<String, Object> metadata, List<StoredTensor> tensors) {
  private static final String METADATA = "__metadata__";
  private static final int MAX_RANK = 16;

  /**
   * @param text the JSON text
   * @param dataStart where the tensor data begin in the file
   */
  static SafetensorsHeader parse(MappedFile file, byte[] text, long dataStart) {
    Map<String, @Nullable Object> entries = Json.parse(file.path() + " (header)", text);
    Map<String, Object> metadata = new LinkedHashMap<>();
    List<StoredTensor> tensors = new ArrayList<>();
    entries.forEach((name, entry) -> {
      if (!(entry instanceof Map<?, ?> map)) {
        throw damaged(file, name + " in the header is " + entry + ", expected an object");
      }
      if (name.equals(METADATA)) {
        map.forEach((key, value) -> metadata.put(String.valueOf(key), String.valueOf(value)));
      } else {
        tensors.add(tensor(file, name, map, dataStart));
      }
    });
    checkOverlaps(file, tensors);
    return new SafetensorsHeader(metadata, List.copyOf(tensors));
  }

  private static StoredTensor tensor(
      MappedFile file, String name, Map<?, ?> entry, long dataStart) {
    if (!(entry.get("dtype") instanceof String typeName)) {
      throw damaged(file, "tensor " + name + " has no dtype");
    }
    SafetensorsType type = SafetensorsType.of(typeName);
    if (type == null) {
      throw damaged(
          file,
          "tensor " + name + " is of type " + typeName + ", which this program does not know");
    }
    Shape shape = shape(file, name, entry.get("shape"));
    List<Long> offsets = longs(entry.get("data_offsets"));
    if (offsets == null || offsets.size() != 2) {
      throw damaged(file, "tensor " + name + " has no pair of data_offsets");
    }
    long begin = offsets.get(0);
    long end = offsets.get(1);
    long bits = Math.multiplyExact(shape.elements(), (long) type.bits());
    if (begin < 0 || end < begin || bits % 8 != 0 || end - begin != bits / 8) {
      throw damaged(
          file,
          "tensor %s (%s%s) has data_offsets %s, expected %d bytes"
              .formatted(name, type, shape, offsets, bits / 8));
    }
    if (end > file.size() - dataStart) {
      throw damaged(
          file,
          "the file ends at byte %d, but tensor %s needs the bytes up to %s: an incomplete download?"
              .formatted(file.size(), name, Long.toUnsignedString(dataStart + end)));
    }
    return new StoredTensor(
        name, typeName, type.dtype(), shape, file, dataStart + begin, end - begin);
  }

  /** A scalar, which has no dimensions, is seen as a vector of one element. */
  private static Shape shape(MappedFile file, String name, @Nullable Object value) {
    List<Long> dims = longs(value);
    if (dims == null || dims.size() > MAX_RANK) {
      throw damaged(
          file, "tensor " + name + " has shape " + value + ", expected a list of numbers");
    }
    long elements = 1;
    for (long dim : dims) {
      if (dim < 0 || dim > Integer.MAX_VALUE || (dim > 0 && elements > (1L << 56) / dim)) {
        throw damaged(file, "tensor " + name + " has the absurd shape " + value);
      }
      elements *= dim;
    }
    return dims.isEmpty()
        ? Shape.of(1)
        : Shape.of(dims.stream().mapToInt(Long::intValue).toArray());
  }

  private static @Nullable List<Long> longs(@Nullable Object value) {
    if (!(value instanceof List<?> list)) {
      return null;
    }
    List<Long> longs = new ArrayList<>();
    for (Object element : list) {
      if (!(element instanceof Long number)) {
        return null;
      }
      longs.add(number);
    }
    return longs;
  }

  private static void checkOverlaps(MappedFile file, List<StoredTensor> tensors) {
    List<StoredTensor> sorted = new ArrayList<>(tensors);
    sorted.removeIf(tensor -> tensor.bytes() == 0);
    sorted.sort(Comparator.comparingLong(StoredTensor::offset));
    for (int i = 1; i < sorted.size(); i++) {
      StoredTensor before = sorted.get(i - 1);
      StoredTensor after = sorted.get(i);
      if (after.offset() < before.offset() + before.bytes()) {
        throw damaged(
            file, "the data of tensors " + before.name() + " and " + after.name() + " overlap");
      }
    }
  }

  private static ModelFormatException damaged(MappedFile file, String message) {
    return new ModelFormatException(file.path() + ": " + message);
  }
}
