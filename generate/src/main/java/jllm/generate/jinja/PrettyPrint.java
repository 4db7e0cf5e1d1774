package jllm.generate.jinja;

import java.util.ArrayList;
import java.util.List;

/** Python's {@code pprint.pformat}: keys in order, lines of 80 characters where possible. */
final class PrettyPrint {
  private static final int WIDTH = 80;

  private PrettyPrint() {}

  static String format(Object value) {
    StringBuilder out = new StringBuilder();
    write(sorted(value), 0, 0, out);
    return out.toString();
  }

  private static Object sorted(Object value) {
    return switch (value) {
      case Dict dict -> {
        List<Dict.Item> items = new ArrayList<>(dict.items());
        try {
          items.sort((a, b) -> SequenceFilters.order(a.key(), b.key()));
        } catch (TemplateException mixedKeys) {
          items.sort((a, b) -> Values.typeName(a.key()).compareTo(Values.typeName(b.key())));
        }
        Dict ordered = new Dict();
        items.forEach(item -> ordered.put(item.key(), sorted(item.value())));
        yield ordered;
      }
      case Sequence sequence ->
          sequence.with(
              new ArrayList<>(sequence.items().stream().map(PrettyPrint::sorted).toList()));
      default -> value;
    };
  }

  private static void write(Object value, int indent, int after, StringBuilder out) {
    String line = Repr.repr(value);
    if (Strings.length(line) <= WIDTH - indent - after) {
      out.append(line);
      return;
    }
    switch (value) {
      case Dict dict when dict.size() > 0 -> {
        out.append('{');
        int left = dict.size();
        for (Dict.Item item : dict.items()) {
          String key = Repr.repr(item.key());
          out.append(left == dict.size() ? "" : ",\n" + " ".repeat(indent + 1));
          out.append(key).append(": ");
          left--;
          write(item.value(), indent + 3 + Strings.length(key), left == 0 ? after + 1 : 1, out);
        }
        out.append('}');
      }
      case Sequence sequence when !sequence.items().isEmpty() -> {
        boolean single = sequence instanceof Tuple && sequence.items().size() == 1;
        String end = sequence instanceof ListValue ? "]" : single ? ",)" : ")";
        out.append(sequence instanceof ListValue ? '[' : '(');
        int last = sequence.items().size() - 1;
        for (int i = 0; i <= last; i++) {
          out.append(i == 0 ? "" : ",\n" + " ".repeat(indent + 1));
          write(sequence.items().get(i), indent + 1, i == last ? after + end.length() : 1, out);
        }
        out.append(end);
      }
      default -> out.append(line);
    }
  }
}
