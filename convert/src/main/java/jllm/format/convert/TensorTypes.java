package jllm.format.convert;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.Json;
import jllm.format.StoredTensor;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * The element types of a Hugging Face folder: that of most tensors, and the exceptions by name.
 * GGUF files have vectors in F32, whatever they were before.
 */
record TensorTypes(DType most, Map<String, DType> exceptions) {
  private static final String MOST = "*";

  /** Of the tensors of a folder, absent if it has none or of types unknown here. */
  static @Nullable TensorTypes of(List<StoredTensor> tensors) {
    Map<DType, Long> elements = new HashMap<>();
    for (StoredTensor tensor : tensors) {
      if (tensor.dtype() != null) {
        elements.merge(tensor.dtype(), tensor.shape().elements(), Long::sum);
      }
    }
    DType most =
        elements.entrySet().stream()
            .max(Map.Entry.comparingByValue())
            .map(Map.Entry::getKey)
            .orElse(null);
    if (most == null) {
      return null;
    }
    Map<String, DType> exceptions = new LinkedHashMap<>();
    for (StoredTensor tensor : tensors) {
      DType type = tensor.dtype();
      if (type != null && type != most) {
        exceptions.put(tensor.name(), type);
      }
    }
    return new TensorTypes(most, exceptions);
  }

  /** As a text that {@link #parse} reads. */
  String format() {
    Map<String, Object> names = new LinkedHashMap<>();
    names.put(MOST, most.name());
    exceptions.forEach((name, type) -> names.put(name, type.name()));
    return new String(Json.format(names), StandardCharsets.UTF_8).strip();
  }

  /** From the text of {@link #format}; absent if it is none. */
  static @Nullable TensorTypes parse(@Nullable Object text) {
    if (!(text instanceof String json)) {
      return null;
    }
    Map<String, DType> types = new LinkedHashMap<>();
    Json.parse(CarriedKeys.TENSOR_TYPES, Companions.bytes(json))
        .forEach((name, value) -> {
          for (DType type : List.of(DType.F64, DType.F32, DType.F16, DType.BF16)) {
            if (type.name().equals(value)) {
              types.put(name, type);
            }
          }
        });
    DType most = types.remove(MOST);
    return most == null ? null : new TensorTypes(most, types);
  }

  DType of(String name) {
    return exceptions.getOrDefault(name, most);
  }
}
