package jllm.tokenize.differential;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes JSON from maps, lists, strings, numbers, booleans and nulls. */
final class Js {

  private Js() {}

  /** An object of names and values in turn. */
  static Map<String, @Nullable Object> object(@Nullable Object... namesAndValues) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      map.put(String.valueOf(namesAndValues[i]), namesAndValues[i + 1]);
    }
    return map;
  }

  /** A component: an object with a type. */
  static Map<String, @Nullable Object> component(String type, @Nullable Object... rest) {
    Map<String, @Nullable Object> map = object("type", type);
    map.putAll(object(rest));
    return map;
  }

  static String text(@Nullable Object value) {
    StringBuilder s = new StringBuilder();
    write(value, s);
    return s.toString();
  }

  private static void write(@Nullable Object value, StringBuilder s) {
    switch (value) {
      case String string -> quote(string, s);
      case Map<?, ?> map -> {
        s.append('{');
        String comma = "";
        for (Map.Entry<?, ?> e : map.entrySet()) {
          s.append(comma);
          quote(String.valueOf(e.getKey()), s);
          s.append(':');
          write(e.getValue(), s);
          comma = ",";
        }
        s.append('}');
      }
      case List<?> list -> {
        s.append('[');
        String comma = "";
        for (Object o : list) {
          s.append(comma);
          write(o, s);
          comma = ",";
        }
        s.append(']');
      }
      case null, default -> s.append(value);
    }
  }

  private static void quote(String text, StringBuilder s) {
    s.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        s.append('\\').append(c);
      } else if (c < ' ') {
        s.append(String.format("\\u%04x", (int) c));
      } else {
        s.append(c);
      }
    }
    s.append('"');
  }
}
