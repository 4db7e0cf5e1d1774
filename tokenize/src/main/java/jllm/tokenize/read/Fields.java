package jllm.tokenize.read;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.tokenize.TokenizerFormatException;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object whose fields are asked for by name and kind; whatever is amiss is reported with the
 * way to it.
 */
final class Fields {

  private final String path;
  private final Map<?, ?> map;

  private Fields(String path, Map<?, ?> map) {
    this.path = path;
    this.map = map;
  }

  /**
   * @param path how to call the object in messages
   * @param value what was parsed
   */
  static Fields of(String path, @Nullable Object value) {
    if (value instanceof Map<?, ?> map) {
      return new Fields(path, map);
    }
    throw new TokenizerFormatException(path + " is " + describe(value) + "; expected an object");
  }

  private static String describe(@Nullable Object value) {
    return switch (value) {
      case null -> "missing";
      case String s -> "the string '" + (s.length() > 40 ? s.substring(0, 40) + "..." : s) + "'";
      case Map<?, ?> m -> "an object";
      case List<?> l -> "a list";
      default -> value.toString();
    };
  }

  String path() {
    return path;
  }

  boolean has(String name) {
    return map.get(name) != null;
  }

  /** The names of all fields. */
  List<String> names() {
    return map.keySet().stream().map(String::valueOf).toList();
  }

  /** Whatever stands there. */
  @Nullable Object any(String name) {
    return map.get(name);
  }

  private TokenizerFormatException wrong(String name, String expected) {
    return new TokenizerFormatException(
        path + "." + name + " is " + describe(map.get(name)) + "; expected " + expected);
  }

  String string(String name) {
    if (map.get(name) instanceof String s) {
      return s;
    }
    throw wrong(name, "a string");
  }

  @Nullable String stringOrNull(String name) {
    return has(name) ? string(name) : null;
  }

  String string(String name, String otherwise) {
    return has(name) ? string(name) : otherwise;
  }

  /** A string of one character. */
  int character(String name) {
    String s = string(name);
    if (s.codePointCount(0, s.length()) != 1) {
      throw wrong(name, "one character");
    }
    return s.codePointAt(0);
  }

  boolean bool(String name) {
    if (map.get(name) instanceof Boolean b) {
      return b;
    }
    throw wrong(name, "true or false");
  }

  boolean bool(String name, boolean otherwise) {
    return has(name) ? bool(name) : otherwise;
  }

  int integer(String name) {
    if (map.get(name) instanceof Long n && n >= Integer.MIN_VALUE && n <= Integer.MAX_VALUE) {
      return n.intValue();
    }
    throw wrong(name, "a whole number");
  }

  int integer(String name, int otherwise) {
    return has(name) ? integer(name) : otherwise;
  }

  Fields object(String name) {
    return of(path + "." + name, map.get(name));
  }

  List<?> list(String name) {
    if (map.get(name) instanceof List<?> list) {
      return list;
    }
    throw wrong(name, "a list");
  }

  /** A list of objects. */
  List<Fields> objects(String name) {
    List<Fields> result = new ArrayList<>();
    for (Object value : list(name)) {
      result.add(of(path + "." + name + "[" + result.size() + "]", value));
    }
    return result;
  }

  /** What names the component; a component without a name is refused. */
  String type() {
    return string("type");
  }

  /** The refusal of a component that this program does not know. */
  TokenizerFormatException unknown(String kind) {
    return new TokenizerFormatException(
        path
            + " is a "
            + kind
            + " of type '"
            + type()
            + "', which this version does not know; a tokenizer without it would give wrong"
            + " tokens");
  }
}
