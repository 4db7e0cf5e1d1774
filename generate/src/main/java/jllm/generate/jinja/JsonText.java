package jllm.generate.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's {@code json.dumps}, as Hugging Face's {@code tojson} calls it. */
final class JsonText {
  private final boolean ascii;
  private final boolean sorted;
  private final @Nullable String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final StringBuilder out = new StringBuilder();

  private JsonText(
      boolean ascii,
      boolean sorted,
      @Nullable String indent,
      String itemSeparator,
      String keySeparator) {
    this.ascii = ascii;
    this.sorted = sorted;
    this.indent = indent;
    this.itemSeparator = itemSeparator;
    this.keySeparator = keySeparator;
  }

  /** The filter: {@code tojson(ensure_ascii, indent, separators, sort_keys)}. */
  static Object filter(Object value, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
    Object given = bound.get(1, None.NONE);
    String indent =
        given == None.NONE
            ? null
            : Values.isString(given)
                ? Values.text(given)
                : Strings.repeat(" ", Numbers.size(given));
    String item = indent == null ? ", " : ",";
    String key = ": ";
    if (bound.get(2, None.NONE) instanceof Sequence separators) {
      if (separators.items().size() != 2) {
        throw new TemplateException("separators must be a pair of strings");
      }
      item = Repr.str(separators.items().get(0));
      key = Repr.str(separators.items().get(1));
    }
    JsonText json =
        new JsonText(
            Values.truth(bound.get(0, false)),
            Values.truth(bound.get(3, false)),
            indent,
            item,
            key);
    json.write(value, 0);
    return json.out.toString();
  }

  private void write(Object value, int level) {
    switch (value) {
      case None _ -> out.append("null");
      case Boolean truth -> out.append(truth);
      case Double number -> out.append(real(number));
      case String text -> quote(text);
      case Markup markup -> quote(markup.text());
      case java.math.BigInteger number -> out.append(number);
      case Sequence sequence -> {
        List<Runnable> items = new ArrayList<>();
        sequence.items().forEach(item -> items.add(() -> write(item, level + 1)));
        write('[', items, ']', level);
      }
      case Dict dict -> write('{', fields(dict, level + 1), '}', level);
      default ->
          throw new TemplateException(
              "Object of type " + Values.typeName(value) + " is not JSON serializable");
    }
    if (out.length() > Strings.LONGEST) {
      throw new TemplateException("a text would have more than " + Strings.LONGEST + " characters");
    }
  }

  private void write(char begin, List<Runnable> items, char end, int level) {
    out.append(begin);
    for (int i = 0; i < items.size(); i++) {
      out.append(i == 0 ? "" : itemSeparator);
      newLine(level + 1);
      items.get(i).run();
    }
    if (!items.isEmpty()) {
      newLine(level);
    }
    out.append(end);
  }

  private void newLine(int level) {
    if (indent != null) {
      out.append('\n').append(Strings.repeat(indent, level));
    }
  }

  private List<Runnable> fields(Dict dict, int level) {
    List<Dict.Item> items = new ArrayList<>(dict.items());
    if (sorted) {
      items.sort((a, b) -> SequenceFilters.order(a.key(), b.key()));
    }
    List<Runnable> fields = new ArrayList<>();
    for (Dict.Item item : items) {
      fields.add(() -> {
        quote(key(item.key()));
        out.append(keySeparator);
        write(item.value(), level);
      });
    }
    return fields;
  }

  private static String key(Object key) {
    return switch (key) {
      case String text -> text;
      case Markup markup -> markup.text();
      case None _ -> "null";
      case Boolean truth -> truth.toString();
      case Double number -> real(number);
      case java.math.BigInteger number -> number.toString();
      default ->
          throw new TemplateException(
              "keys must be str, int, float, bool or None, not " + Values.typeName(key));
    };
  }

  private static String real(double number) {
    return Double.isNaN(number)
        ? "NaN"
        : Double.isInfinite(number) ? (number > 0 ? "Infinity" : "-Infinity") : Repr.real(number);
  }

  private void quote(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> {
          if (c < ' ' || ascii && c > '~') {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
