package jllm.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Values of metadata in few words. */
final class Abbreviation {
  /** Elements of a list and characters of a text that are shown of a longer one. */
  private static final int SHOWN_ELEMENTS = 8;

  private static final int SHOWN_CHARACTERS = 120;

  private Abbreviation() {}

  /** A value on one line. */
  static String line(Object value, boolean full) {
    String text = Json.compact(of(value, full));
    return value instanceof String ? text.substring(1, text.length() - 1) : text;
  }

  /**
   * A long list becomes its length and its first elements, a long text its beginning.
   *
   * @param full whether all stays as it is
   */
  static Object of(Object value, boolean full) {
    if (full) {
      return value;
    }
    return switch (value) {
      case String text when text.length() > SHOWN_CHARACTERS ->
          beginning(text) + "... (" + text.length() + " characters)";
      case List<?> list when list.size() > SHOWN_ELEMENTS -> {
        Map<String, Object> part = new LinkedHashMap<>();
        part.put("length", list.size());
        part.put("first", list.subList(0, SHOWN_ELEMENTS));
        yield part;
      }
      default -> value;
    };
  }

  /** Whole characters, about as many as are shown. */
  private static String beginning(String text) {
    boolean cutsPair = Character.isHighSurrogate(text.charAt(SHOWN_CHARACTERS - 1));
    return text.substring(0, cutsPair ? SHOWN_CHARACTERS - 1 : SHOWN_CHARACTERS);
  }
}
