package jllm.format.model;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFormatException;
import org.jspecify.annotations.Nullable;

/** A {@code config.json} (or an object in it), with typed access whose errors name file and key. */
final class HubConfig {
  private final String file;
  private final String prefix;
  private final Map<?, ?> values;

  HubConfig(String file, Map<String, @Nullable Object> values) {
    this(file, "", values);
  }

  private HubConfig(String file, String prefix, Map<?, ?> values) {
    this.file = file;
    this.prefix = prefix;
    this.values = values;
  }

  String file() {
    return file;
  }

  boolean has(String key) {
    return values.get(key) != null;
  }

  /** The object under a key, absent (as JSON's null is) if there is none. */
  @Nullable HubConfig object(String key) {
    return switch (values.get(key)) {
      case null -> null;
      case Map<?, ?> map -> new HubConfig(file, prefix + key + ".", map);
      case Object other -> throw mistyped(key, other, "an object");
    };
  }

  @Nullable String text(String key) {
    return switch (values.get(key)) {
      case null -> null;
      case String text -> text;
      case Object other -> throw mistyped(key, other, "a string");
    };
  }

  @Nullable Long integer(String key) {
    return switch (values.get(key)) {
      case null -> null;
      case Long number -> number;
      case Double number when number == Math.rint(number) && Math.abs(number) < 1e15 ->
          number.longValue();
      case Object other -> throw mistyped(key, other, "a whole number");
    };
  }

  @Nullable Double real(String key) {
    return switch (values.get(key)) {
      case null -> null;
      case Number number -> number.doubleValue();
      case Object other -> throw mistyped(key, other, "a number");
    };
  }

  double real(String key, double otherwise) {
    Double value = real(key);
    return value == null ? otherwise : value;
  }

  /** A number that must be there. */
  double number(String key) {
    Double value = real(key);
    if (value == null) {
      throw error(prefix + key + " is missing");
    }
    return value;
  }

  boolean bool(String key, boolean otherwise) {
    return switch (values.get(key)) {
      case null -> otherwise;
      case Boolean value -> value;
      case Object other -> throw mistyped(key, other, "true or false");
    };
  }

  List<?> list(String key) {
    return switch (values.get(key)) {
      case null -> Collections.emptyList();
      case List<?> list -> list;
      case Object other -> throw mistyped(key, other, "a list");
    };
  }

  /** A list of {@code count} numbers above 0. */
  float[] factors(String key, int count) {
    List<?> list = list(key);
    if (list.size() != count) {
      throw error(prefix + key + " has " + list.size() + " numbers, expected " + count);
    }
    float[] factors = new float[count];
    for (int i = 0; i < count; i++) {
      if (!(list.get(i) instanceof Number number) || !(number.floatValue() > 0)) {
        throw error(prefix + key + " holds " + list.get(i) + ", expected numbers above 0");
      }
      factors[i] = number.floatValue();
    }
    return factors;
  }

  private ModelFormatException mistyped(String key, Object found, String expected) {
    return error(prefix + key + " is " + found + ", expected " + expected);
  }

  ModelFormatException error(String message) {
    return new ModelFormatException(file + ": " + message);
  }
}
