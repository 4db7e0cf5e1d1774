package jllm.generate.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The methods of Python's strings. */
final class StringMethods {
  private interface Method {
    Object call(String self, Arguments arguments);
  }

  private static final Map<String, Method> METHODS =
      Map.ofEntries(
          simple("upper", Strings::upper),
          simple("lower", Strings::lower),
          simple("casefold", text -> Strings.lower(Strings.upper(text))),
          simple("capitalize", Strings::capitalize),
          simple("title", Strings::title),
          simple("swapcase", Strings::swapCase),
          Map.entry("strip", (s, a) -> Strings.strip(s, characters("strip", a))),
          Map.entry("lstrip", (s, a) -> Strings.stripStart(s, characters("lstrip", a))),
          Map.entry("rstrip", (s, a) -> Strings.stripEnd(s, characters("rstrip", a))),
          Map.entry("startswith", (s, a) -> affix(s, a, true)),
          Map.entry("endswith", (s, a) -> affix(s, a, false)),
          Map.entry("removeprefix", (s, a) -> removeAffix(s, a, true)),
          Map.entry("removesuffix", (s, a) -> removeAffix(s, a, false)),
          Map.entry("split", (s, a) -> split(s, a, false)),
          Map.entry("rsplit", (s, a) -> split(s, a, true)),
          Map.entry("splitlines", StringMethods::splitLines),
          Map.entry("partition", (s, a) -> partition(s, a, false)),
          Map.entry("rpartition", (s, a) -> partition(s, a, true)),
          Map.entry("replace", StringMethods::replace),
          Map.entry("join", StringMethods::join),
          Map.entry("find", (s, a) -> Numbers.integer(find(s, a, "find", false))),
          Map.entry("rfind", (s, a) -> Numbers.integer(find(s, a, "rfind", true))),
          Map.entry("index", (s, a) -> index(s, a, "index", false)),
          Map.entry("rindex", (s, a) -> index(s, a, "rindex", true)),
          Map.entry("count", StringMethods::count),
          Map.entry("center", (s, a) -> pad(s, a, "center")),
          Map.entry("ljust", (s, a) -> pad(s, a, "ljust")),
          Map.entry("rjust", (s, a) -> pad(s, a, "rjust")),
          Map.entry("zfill", StringMethods::zeroFill),
          Map.entry("expandtabs", StringMethods::expandTabs),
          Map.entry("format", FormatMethod::format),
          Map.entry("format_map", FormatMethod::formatMap),
          all("isspace", Strings::isSpace),
          all("isalpha", Character::isLetter),
          all("isdigit", p -> Character.isDigit(p) || "²³¹⁰⁴⁵⁶⁷⁸⁹".indexOf(p) >= 0),
          all("isdecimal", Character::isDigit),
          all("isnumeric", StringMethods::isNumeric),
          all("isalnum", p -> Character.isLetter(p) || isNumeric(p)),
          Map.entry("isascii", (s, _) -> s.codePoints().allMatch(p -> p < 128)),
          Map.entry("isprintable", (s, _) -> s.codePoints().allMatch(Strings::isPrintable)),
          Map.entry("isidentifier", (s, _) -> Strings.isIdentifier(s)),
          Map.entry("islower", (s, _) -> isLower(s)),
          Map.entry("isupper", (s, _) -> isUpper(s)),
          Map.entry("istitle", (s, _) -> isTitle(s)));

  private StringMethods() {}

  /** A method bound to a text, absent if there is none of that name. */
  static @Nullable Function of(String self, String name) {
    Method method = METHODS.get(name);
    return method == null ? null : arguments -> method.call(self, arguments);
  }

  private static Map.Entry<String, Method> simple(String name, UnaryOperator<String> change) {
    return Map.entry(
        name,
        (self, arguments) -> {
          if (!arguments.positional().isEmpty() || !arguments.named().isEmpty()) {
            throw new TemplateException(
                "str.%s() takes no arguments (%d given)"
                    .formatted(name, arguments.positional().size()));
          }
          return change.apply(self);
        });
  }

  private static Map.Entry<String, Method> all(String name, IntPredicate property) {
    return Map.entry(name, (self, _) -> !self.isEmpty() && self.codePoints().allMatch(property));
  }

  private static boolean isNumeric(int point) {
    int type = Character.getType(point);
    return type == Character.DECIMAL_DIGIT_NUMBER
        || type == Character.LETTER_NUMBER
        || type == Character.OTHER_NUMBER;
  }

  static boolean isLower(String text) {
    return text.codePoints().anyMatch(Character::isLowerCase)
        && text.codePoints().noneMatch(p -> Character.isUpperCase(p) || Character.isTitleCase(p));
  }

  static boolean isUpper(String text) {
    return text.codePoints().anyMatch(Character::isUpperCase)
        && text.codePoints().noneMatch(p -> Character.isLowerCase(p) || Character.isTitleCase(p));
  }

  private static boolean isTitle(String text) {
    return text.codePoints().anyMatch(Strings::isCased) && text.equals(Strings.title(text));
  }

  private static @Nullable String characters(String method, Arguments arguments) {
    if (arguments.positional().size() > 1) {
      throw new TemplateException(
          method + " expected at most 1 argument, got " + arguments.positional().size());
    }
    Object chars = arguments.bind("str." + method, 0, "chars").get(0, None.NONE);
    if (chars != None.NONE && !Values.isString(chars)) {
      throw new TemplateException(method + " arg must be None or str");
    }
    return chars == None.NONE ? null : Values.text(chars);
  }

  private static String string(Object value, String where) {
    if (!Values.isString(value)) {
      throw new TemplateException(where.formatted(Values.typeName(value)));
    }
    return Values.text(value);
  }

  private static Object affix(String self, Arguments arguments, boolean start) {
    String name = start ? "startswith" : "endswith";
    Arguments.Bound bound = arguments.bind(name, 1, "prefix", "start", "end");
    Object part = window(self, bound, 1);
    if (!(part instanceof String text)) {
      return false;
    }
    List<Object> affixes =
        bound.get(0) instanceof Tuple tuple ? tuple.items() : List.of(bound.get(0));
    String message =
        bound.get(0) instanceof Tuple
            ? "tuple for " + name + " must only contain str, not %s"
            : name + " first arg must be str or a tuple of str, not %s";
    for (Object affix : affixes) {
      String wanted = string(affix, message);
      if (start ? text.startsWith(wanted) : text.endsWith(wanted)) {
        return true;
      }
    }
    return false;
  }

  /** The part of a text between two optional bounds; None if they are beyond its end. */
  private static Object window(String self, Arguments.Bound bound, int index) {
    Object start = bound.get(index, None.NONE);
    if (start instanceof BigInteger number
        && number.compareTo(Numbers.integer(Strings.length(self))) > 0) {
      return None.NONE;
    }
    return Slices.slice(self, start, bound.get(index + 1, None.NONE), None.NONE);
  }

  private static String removeAffix(String self, Arguments arguments, boolean start) {
    String name = start ? "removeprefix" : "removesuffix";
    String affix =
        string(
            arguments.bind("str." + name, 1, "affix").get(0),
            name + "() argument must be str, not %s");
    if (start) {
      return self.startsWith(affix) ? self.substring(affix.length()) : self;
    }
    return self.endsWith(affix) ? self.substring(0, self.length() - affix.length()) : self;
  }

  private static ListValue split(String self, Arguments arguments, boolean fromEnd) {
    Arguments.Bound bound = arguments.bind(fromEnd ? "rsplit" : "split", 0, "sep", "maxsplit");
    Object given = bound.get(0, None.NONE);
    String separator = given == None.NONE ? null : string(given, "must be str or None, not %s");
    if (separator != null && separator.isEmpty()) {
      throw new TemplateException("empty separator");
    }
    int most = Math.max(-1, Numbers.size(bound.get(1, Numbers.integer(-1))));
    return strings(
        fromEnd
            ? Strings.splitFromEnd(self, separator, most)
            : Strings.split(self, separator, most));
  }

  private static ListValue strings(List<String> parts) {
    return new ListValue(new ArrayList<>(parts));
  }

  private static ListValue splitLines(String self, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("splitlines", 0, "keepends");
    return strings(Strings.lines(self, Values.truth(bound.get(0, false))));
  }

  private static Tuple partition(String self, Arguments arguments, boolean fromEnd) {
    String name = fromEnd ? "rpartition" : "partition";
    String separator =
        string(arguments.bind("str." + name, 1, "sep").get(0), "must be str, not %s");
    if (separator.isEmpty()) {
      throw new TemplateException("empty separator");
    }
    int at = fromEnd ? self.lastIndexOf(separator) : self.indexOf(separator);
    if (at < 0) {
      return fromEnd ? Tuple.of("", "", self) : Tuple.of(self, "", "");
    }
    return Tuple.of(self.substring(0, at), separator, self.substring(at + separator.length()));
  }

  private static String replace(String self, Arguments arguments) {
    if (arguments.positional().size() < 2) {
      throw new TemplateException(
          "replace expected at least 2 arguments, got " + arguments.positional().size());
    }
    Arguments.Bound bound = arguments.bind("str.replace", 2, "old", "new", "count");
    return Strings.replace(
        self,
        string(bound.get(0), "replace() argument 1 must be str, not %s"),
        string(bound.get(1), "replace() argument 2 must be str, not %s"),
        Numbers.size(bound.get(2, Numbers.integer(-1))));
  }

  static String join(String self, Arguments arguments) {
    Object iterable = arguments.bind("str.join", 1, "iterable").get(0);
    StringBuilder out = new StringBuilder();
    List<Object> items;
    try {
      items = Values.iterateAll(iterable);
    } catch (TemplateException e) {
      throw Numbers.isNumber(iterable) || iterable == None.NONE
          ? new TemplateException("can only join an iterable")
          : e;
    }
    for (int i = 0; i < items.size(); i++) {
      out.append(i == 0 ? "" : self);
      out.append(string(items.get(i), "sequence item " + i + ": expected str instance, %s found"));
    }
    return out.toString();
  }

  /** The code point index of a part, -1 if it is not there. */
  private static int find(String self, Arguments arguments, String method, boolean fromEnd) {
    Arguments.Bound bound = arguments.bind(method, 1, "sub", "start", "end");
    String part = string(bound.get(0), "must be str, not %s");
    if (!(window(self, bound, 1) instanceof String text)) {
      return -1;
    }
    int at = fromEnd ? text.lastIndexOf(part) : text.indexOf(part);
    if (at < 0) {
      return -1;
    }
    Object start = bound.get(1, None.NONE);
    int offset =
        start == None.NONE
            ? 0
            : Strings.length(self)
                - Strings.length((String) Slices.slice(self, start, None.NONE, None.NONE));
    return offset + text.codePointCount(0, at);
  }

  private static Object index(String self, Arguments arguments, String method, boolean fromEnd) {
    int at = find(self, arguments, method, fromEnd);
    if (at < 0) {
      throw new TemplateException("substring not found");
    }
    return Numbers.integer(at);
  }

  private static Object count(String self, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("count", 1, "sub", "start", "end");
    String part = string(bound.get(0), "must be str, not %s");
    if (!(window(self, bound, 1) instanceof String text)) {
      return Numbers.integer(0);
    }
    return Numbers.integer(
        part.isEmpty() ? Strings.length(text) + 1 : Strings.split(text, part, -1).size() - 1);
  }

  private static String pad(String self, Arguments arguments, String method) {
    Arguments.Bound bound = arguments.bind("str." + method, 1, "width", "fillchar");
    int width = Numbers.size(bound.get(0));
    String fill =
        string(bound.get(1, " "), "The fill character must be a unicode character, not %s");
    if (Strings.length(fill) != 1) {
      throw new TemplateException("The fill character must be exactly one character long");
    }
    String missing = Strings.repeat(fill, (long) width - Strings.length(self));
    return switch (method) {
      case "ljust" -> self + missing;
      case "rjust" -> missing + self;
      default -> Strings.center(self, width, fill);
    };
  }

  private static String zeroFill(String self, Arguments arguments) {
    int width = Numbers.size(arguments.bind("str.zfill", 1, "width").get(0));
    String zeros = Strings.repeat("0", (long) width - Strings.length(self));
    boolean signed = self.startsWith("-") || self.startsWith("+");
    return signed ? self.charAt(0) + zeros + self.substring(1) : zeros + self;
  }

  private static String expandTabs(String self, Arguments arguments) {
    int size = Numbers.size(arguments.bind("expandtabs", 0, "tabsize").get(0, Numbers.integer(8)));
    StringBuilder out = new StringBuilder();
    int column = 0;
    for (int point : self.codePoints().toArray()) {
      if (point == '\t') {
        int spaces = size > 0 ? size - column % size : 0;
        out.append(Strings.repeat(" ", spaces));
        column += spaces;
      } else {
        out.appendCodePoint(point);
        column = point == '\n' || point == '\r' ? 0 : column + 1;
      }
    }
    return out.toString();
  }
}
