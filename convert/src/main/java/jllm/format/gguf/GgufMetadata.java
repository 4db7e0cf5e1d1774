package jllm.format.gguf;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import jllm.format.ModelFormatException;
import org.jspecify.annotations.Nullable;

/**
 * The metadata of a file, in the file's order, with typed access whose errors name file and key.
 */
public final class GgufMetadata {
  private final String file;
  private final Map<String, GgufValue> values;

  GgufMetadata(String file, Map<String, GgufValue> values) {
    this.file = file;
    this.values = Collections.unmodifiableMap(values);
  }

  /**
   * Metadata that are not (yet) in a file.
   *
   * @param file for messages
   */
  public static GgufMetadata of(String file, Map<String, GgufValue> values) {
    return new GgufMetadata(file, new LinkedHashMap<>(values));
  }

  public Map<String, GgufValue> values() {
    return values;
  }

  public @Nullable GgufValue get(String key) {
    return values.get(key);
  }

  /** All values as Java sees them, see {@link GgufValue#plain}. */
  public Map<String, Object> plain() {
    Map<String, Object> plain = new LinkedHashMap<>();
    values.forEach((key, value) -> plain.put(key, value.plain()));
    return Collections.unmodifiableMap(plain);
  }

  /** A string, absent if the key is. */
  public @Nullable String text(String key) {
    return switch (values.get(key)) {
      case null -> null;
      case GgufValue.Text text -> text.value();
      case GgufValue other -> throw mistyped(key, other, "a string");
    };
  }

  /** A whole number, absent if the key is; an array whose elements are all equal counts as one. */
  public @Nullable Long integer(String key) {
    GgufValue value = values.get(key);
    if (value instanceof GgufArray array && array.size() > 0) {
      value = sameForAll(key, array);
    }
    return switch (value) {
      case null -> null;
      case GgufValue.Scalar scalar when !scalar.isReal() && !scalar.isBoolean() -> scalar.bits();
      case GgufValue other -> throw mistyped(key, other, "a whole number");
    };
  }

  /** A number, absent if the key is. */
  public @Nullable Double real(String key) {
    return switch (values.get(key)) {
      case null -> null;
      case GgufValue.Scalar scalar when !scalar.isBoolean() -> scalar.real();
      case GgufValue other -> throw mistyped(key, other, "a number");
    };
  }

  /** A truth value, absent if the key is. */
  public @Nullable Boolean bool(String key) {
    return switch (values.get(key)) {
      case null -> null;
      case GgufValue.Scalar scalar when scalar.isBoolean() -> scalar.bits() != 0;
      case GgufValue other -> throw mistyped(key, other, "a truth value");
    };
  }

  /** An array of the given kind of elements, absent if the key is. */
  public @Nullable GgufArray array(String key, Set<ValueType> elements) {
    return switch (values.get(key)) {
      case null -> null;
      case GgufArray array when array.size() == 0 || elements.contains(array.elementType()) ->
          array;
      case GgufValue other -> throw mistyped(key, other, "an array of " + elements);
    };
  }

  private GgufValue sameForAll(String key, GgufArray array) {
    GgufValue first = array.values().getFirst();
    if (!array.values().stream().allMatch(first::equals)) {
      throw new ModelFormatException(
          file + ": metadata key " + key + " differs from layer to layer, which is not supported");
    }
    return first;
  }

  private ModelFormatException mistyped(String key, GgufValue found, String expected) {
    String type = found instanceof GgufArray ? found.toString() : found.type().toString();
    return new ModelFormatException(
        file + ": metadata key " + key + " is of type " + type + ", expected " + expected);
  }
}
