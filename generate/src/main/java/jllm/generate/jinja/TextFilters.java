package jllm.generate.jinja;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Filters of texts. */
final class TextFilters {
  private static final Pattern WORD_START = Pattern.compile("[-\\s({\\[<]+");
  private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern COMMENT = Pattern.compile("<!--.*?-->", Pattern.DOTALL);
  private static final Pattern TAG = Pattern.compile("<[^>]*>");
  private static final Pattern ATTRIBUTE_KEY = Pattern.compile("[\\s/>=]");

  private TextFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("string", (value, _) -> value instanceof Markup ? value : Repr.str(value));
    filters.put("upper", keeping(Strings::upper));
    filters.put("lower", keeping(Strings::lower));
    filters.put("capitalize", keeping(Strings::capitalize));
    filters.put("title", (value, _) -> title(Repr.str(value)));
    filters.put("trim", TextFilters::trim);
    filters.put("replace", TextFilters::replace);
    filters.put("join", TextFilters::join);
    filters.put("indent", TextFilters::indent);
    filters.put("truncate", TextFilters::truncate);
    filters.put("center", TextFilters::center);
    filters.put("format", TextFilters::format);
    filters.put(
        "wordcount",
        (value, _) -> Numbers.integer(WORD.matcher(Repr.str(value)).results().count()));
    filters.put("wordwrap", WordWrap::filter);
    filters.put("urlencode", (value, _) -> urlEncode(value));
    filters.put("striptags", (value, _) -> stripTags(Repr.str(value)));
    filters.put("xmlattr", TextFilters::attributes);
  }

  /** A filter without parameters; what is HTML stays so. */
  private static Filters.Filter keeping(UnaryOperator<String> change) {
    return (value, arguments) -> {
      arguments.bind("filter", 0);
      String text = change.apply(Repr.str(value));
      return value instanceof Markup ? new Markup(text) : text;
    };
  }

  /** Unlike the method of strings: only these characters begin words. */
  private static String title(String text) {
    StringBuilder out = new StringBuilder();
    Matcher gap = WORD_START.matcher(text);
    int start = 0;
    while (gap.find()) {
      out.append(word(text.substring(start, gap.start()))).append(gap.group());
      start = gap.end();
    }
    return out.append(word(text.substring(start))).toString();
  }

  private static String word(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = Character.charCount(text.codePointAt(0));
    return Strings.upper(text.substring(0, first)) + Strings.lower(text.substring(first));
  }

  private static Object trim(Object value, Arguments arguments) {
    Object chars = arguments.bind("do_trim", 0, "chars").get(0, None.NONE);
    if (chars != None.NONE && !Values.isString(chars)) {
      throw new TemplateException("strip arg must be None or str");
    }
    String text = Strings.strip(Repr.str(value), chars == None.NONE ? null : Values.text(chars));
    return value instanceof Markup ? new Markup(text) : text;
  }

  private static Object replace(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_replace", 2, "old", "new", "count");
    Object count = bound.get(2, None.NONE);
    return Strings.replace(
        Repr.str(value),
        Repr.str(bound.get(0)),
        Repr.str(bound.get(1)),
        count == None.NONE ? -1 : Numbers.size(count));
  }

  private static Object join(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_join", 0, "d", "attribute");
    UnaryOperator<Object> getter = Attributes.getter(bound.get(1, None.NONE), null);
    String separator = Repr.str(bound.get(0, ""));
    StringBuilder out = new StringBuilder();
    boolean first = true;
    for (Object item : Values.iterateAll(value)) {
      out.append(first ? "" : separator).append(Repr.str(getter.apply(item)));
      first = false;
    }
    return out.toString();
  }

  private static Object indent(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_indent", 0, "width", "first", "blank");
    Object width = bound.get(0, Numbers.integer(4));
    String indent =
        Values.isString(width) ? Values.text(width) : Strings.repeat(" ", Numbers.size(width));
    boolean blank = Values.truth(bound.get(2, false));
    if (!Values.isString(value)) {
      Undefined.refuse(value);
      throw new TemplateException(
          value instanceof ListValue
              ? "'list' object has no attribute 'splitlines'"
              : "unsupported operand type(s) for +=: '" + Values.typeName(value) + "' and 'str'");
    }
    List<String> lines = Strings.lines(Values.text(value) + "\n", false);
    StringBuilder out = new StringBuilder(Values.truth(bound.get(1, false)) ? indent : "");
    out.append(lines.getFirst());
    for (String line : lines.subList(1, lines.size())) {
      out.append('\n').append(line.isEmpty() && !blank ? "" : indent).append(line);
    }
    return value instanceof Markup ? new Markup(out.toString()) : out.toString();
  }

  private static Object truncate(Object value, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind("do_truncate", 0, "length", "killwords", "end", "leeway");
    int length = Numbers.size(bound.get(0, Numbers.integer(255)));
    String end = Repr.str(bound.get(2, "..."));
    Object given = bound.get(3, None.NONE);
    int leeway = given == None.NONE ? 5 : Numbers.size(given);
    if (length < Strings.length(end)) {
      throw new TemplateException("expected length >= " + Strings.length(end) + ", got " + length);
    }
    if (leeway < 0) {
      throw new TemplateException("expected leeway >= 0, got " + leeway);
    }
    Integer size = Values.length(value);
    if (size == null) {
      throw new TemplateException("object of type '" + Values.typeName(value) + "' has no len()");
    }
    if (size <= length + leeway) {
      return value;
    }
    String text =
        Repr.str(
            Slices.slice(
                value, None.NONE, Numbers.integer(length - Strings.length(end)), None.NONE));
    return (Values.truth(bound.get(1, false))
            ? text
            : Strings.splitFromEnd(text, " ", 1).getFirst())
        + end;
  }

  private static Object center(Object value, Arguments arguments) {
    int width = Numbers.size(arguments.bind("do_center", 0, "width").get(0, Numbers.integer(80)));
    return Strings.center(Repr.str(value), width, " ");
  }

  private static Object format(Object value, Arguments arguments) {
    if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
      throw new TemplateException("can't handle positional and keyword arguments at the same time");
    }
    Dict named = new Dict();
    arguments.named().forEach(named::put);
    return PercentFormat.format(
        Repr.str(value), arguments.named().isEmpty() ? new Tuple(arguments.positional()) : named);
  }

  private static String urlEncode(Object value) {
    if (Values.isString(value)) {
      return quote(value, false);
    }
    List<Object> pairs;
    try {
      pairs =
          value instanceof Dict dict
              ? new DictView("dict_items", dict).elements()
              : Values.iterateAll(value);
    } catch (TemplateException notIterable) {
      return quote(value, false);
    }
    List<String> parts = new ArrayList<>();
    for (Object pair : pairs) {
      List<Object> both = Values.iterateAll(pair);
      if (both.size() != 2) {
        throw new TemplateException(
            both.size() > 2
                ? "too many values to unpack (expected 2)"
                : "not enough values to unpack (expected 2, got " + both.size() + ")");
      }
      parts.add(quote(both.get(0), true) + "=" + quote(both.get(1), true));
    }
    return String.join("&", parts);
  }

  private static String quote(Object value, boolean query) {
    StringBuilder out = new StringBuilder();
    for (byte b : Repr.str(value).getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xff);
      boolean plain =
          c < 128 && (Character.isLetterOrDigit(c) || "_.-~".indexOf(c) >= 0) || c == '/' && !query;
      out.append(plain ? String.valueOf(c) : query && c == ' ' ? "+" : "%%%02X".formatted((int) c));
    }
    return out.toString();
  }

  private static String stripTags(String html) {
    String text = TAG.matcher(COMMENT.matcher(html).replaceAll("")).replaceAll("");
    return String.join(" ", Strings.split(text, null, -1))
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
  }

  private static Object attributes(Object value, Arguments arguments) {
    boolean space = Values.truth(arguments.bind("do_xmlattr", 0, "autospace").get(0, true));
    if (!(value instanceof Dict dict)) {
      Undefined.refuse(value);
      throw new TemplateException(
          "'" + Values.typeName(value) + "' object has no attribute 'items'");
    }
    List<String> parts = new ArrayList<>();
    for (Dict.Item item : dict.items()) {
      if (item.value() == None.NONE || item.value() instanceof Undefined) {
        continue;
      }
      String key = Repr.str(item.key());
      if (ATTRIBUTE_KEY.matcher(key).find()) {
        throw new TemplateException(
            "Invalid character in attribute name: " + Repr.repr(item.key()));
      }
      parts.add(Markup.escape(key).text() + "=\"" + Markup.escape(item.value()).text() + "\"");
    }
    return (space && !parts.isEmpty() ? " " : "") + String.join(" ", parts);
  }
}
