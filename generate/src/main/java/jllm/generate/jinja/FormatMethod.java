package jllm.generate.jinja;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code str.format}: fields in braces, which may look into attributes and elements. */
final class FormatMethod {
  private static final Pattern FIELD =
      Pattern.compile("([^.\\[]*)((?:\\.[^.\\[]+|\\[[^\\]]+\\])*)");
  private static final Pattern STEP = Pattern.compile("\\.([^.\\[]+)|\\[([^\\]]+)\\]");

  private final Arguments arguments;
  private int automatic;

  private FormatMethod(Arguments arguments) {
    this.arguments = arguments;
  }

  static String format(String self, Arguments arguments) {
    return new FormatMethod(arguments).run(self, 2);
  }

  static String formatMap(String self, Arguments arguments) {
    Arguments named = Arguments.NONE;
    if (arguments.bind("format_map", 1, "mapping").get(0) instanceof Dict dict) {
      for (Dict.Item item : dict.items()) {
        named = named.with(Repr.str(item.key()), item.value());
      }
    }
    return format(self, named);
  }

  private String run(String pattern, int depth) {
    if (depth < 0) {
      throw new TemplateException("Max string recursion exceeded");
    }
    StringBuilder out = new StringBuilder();
    int i = 0;
    while (i < pattern.length()) {
      char c = pattern.charAt(i++);
      boolean twice = i < pattern.length() && pattern.charAt(i) == c;
      if (c == '}' && !twice) {
        throw new TemplateException("Single '}' encountered in format string");
      }
      if (c == '{' && !twice) {
        int end = close(pattern, i);
        out.append(field(pattern.substring(i, end), depth));
        i = end + 1;
      } else {
        out.append(c);
        i += c == '{' || c == '}' ? 1 : 0;
      }
    }
    return out.toString();
  }

  private static int close(String pattern, int start) {
    int open = 1;
    for (int i = start; i < pattern.length(); i++) {
      open += pattern.charAt(i) == '{' ? 1 : pattern.charAt(i) == '}' ? -1 : 0;
      if (open == 0) {
        return i;
      }
    }
    throw new TemplateException(
        start == pattern.length()
            ? "Single '{' encountered in format string"
            : "expected '}' before end of string");
  }

  private String field(String field, int depth) {
    int colon = field.indexOf(':');
    String spec = colon < 0 ? "" : run(field.substring(colon + 1), depth - 1);
    String name = colon < 0 ? field : field.substring(0, colon);
    int mark = name.indexOf('!');
    String conversion = mark < 0 ? "" : name.substring(mark + 1);
    Object value = value(mark < 0 ? name : name.substring(0, mark));
    return FormatSpec.format(
        switch (conversion) {
          case "" -> value;
          case "s" -> Repr.str(value);
          case "r", "a" -> Repr.repr(value);
          default ->
              throw new TemplateException("Unknown conversion specifier '" + conversion + "'");
        },
        spec);
  }

  private Object value(String name) {
    Matcher parts = FIELD.matcher(name);
    if (!parts.matches()) {
      throw new TemplateException("invalid format field " + Repr.quoted(name));
    }
    Object value = argument(parts.group(1));
    Matcher step = STEP.matcher(parts.group(2));
    while (step.find()) {
      value =
          step.group(1) != null
              ? Members.attribute(value, step.group(1))
              : Members.item(
                  value,
                  isNumber(step.group(2))
                      ? new java.math.BigInteger(step.group(2))
                      : step.group(2));
    }
    return value;
  }

  private static boolean isNumber(String text) {
    return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private Object argument(String name) {
    if (name.isEmpty() || isNumber(name)) {
      int index = name.isEmpty() ? automatic++ : Numbers.size(new java.math.BigInteger(name));
      if (index >= arguments.positional().size()) {
        throw new TemplateException(
            "Replacement index " + index + " out of range for positional args tuple");
      }
      return arguments.positional().get(index);
    }
    Object named = arguments.named().get(name);
    if (named == null) {
      throw new TemplateException(Repr.quoted(name));
    }
    return named;
  }
}
