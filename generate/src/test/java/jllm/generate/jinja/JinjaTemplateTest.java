package jllm.generate.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What Python's Jinja renders and refuses; the expected texts were made with it. */
class JinjaTemplateTest {
  private static final Map<String, Object> VARIABLES =
      Map.of(
          "word",
          "Hello World",
          "smile",
          "a😀b",
          "list",
          List.of(3, 1, 2),
          "people",
          List.of(Map.of("role", "user", "n", 1), Map.of("role", "assistant", "n", 2)));

  private static Rendering rendering(String template) {
    return JinjaTemplate.parse(template)
        .render(VARIABLES, () -> LocalDateTime.of(2026, 1, 5, 13, 4));
  }

  private static String render(String template) {
    return rendering(template).text();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      quoteCharacter = '`',
      value = {
        "-7 // 2 # -4",
        "-7 % 3 # 2",
        "7.5 // 2 # 3.0",
        "2 ** 100 # 1267650600228229401496703205376",
        "2 ** -1 # 0.5",
        "1e16 # 1e+16",
        "123456789012345.6 # 123456789012345.6",
        "0.00001 # 1e-05",
        "4 / 2 # 2.0",
        "1 < 2 < 3 # True",
        "1 < 3 < 2 # False",
        "1 == 1.0 == true # True",
        "[1, 'a', none, 1.5, (1,)] # [1, 'a', None, 1.5, (1,)]",
        "{'a': \"it's\"} # {'a': \"it's\"}",
        "'x' ~ 1 ~ none # x1None",
        "word[::-1] # dlroW olleH",
        "smile|length # 3",
        "smile[1] # 😀",
        "smile[:2] # a😀",
        "word.split('o', 1) # ['Hell', ' World']",
        "'a b  c'.split() # ['a', 'b', 'c']",
        "'  a b '.rsplit(none, 1) # ['  a', 'b']",
        "word.startswith(('x', 'He')) # True",
        "'%05.1f|%-4s|%x' % (3.14159, 'a', 255) # 003.1|a   |ff",
        "'{0:>5}|{1!r}|{x:,}'.format(1, 'a', x=1234567) #     1|'a'|1,234,567",
        "list|sort|join('-') # 1-2-3",
        "people|map(attribute='role')|list # ['user', 'assistant']",
        "people|selectattr('n', 'gt', 1)|map(attribute='n')|first # 2",
        "people|groupby('role')|map(attribute='grouper')|list # ['assistant', 'user']",
        "list|batch(2, 0)|list # [[3, 1], [2, 0]]",
        "list|slice(2)|list # [[3, 1], [2]]",
        "{'b': 1, 'a': [1, 'é']}|tojson # {\"b\": 1, \"a\": [1, \"é\"]}",
        "{'b': 1, 'a': 'é'}|tojson(ensure_ascii=true, sort_keys=true) # {\"a\": \"\\u00e9\", \"b\":"
            + " 1}",
        "2.5|round # 2.0",
        "'3.9'|int # 3",
        "'0x1F'|int(0, 16) # 31",
        "'hello big-world (x)'|title # Hello Big-World (X)",
        "'<a>'|e # &lt;a&gt;",
        "missing|default('d') # d",
        "missing is defined or list is sequence # True",
        "6 is divisibleby 3 # True",
        "3 is in list # True",
        "'foo bar baz qux'|truncate(9) # foo...",
        "range(3, 0, -1)|list # [3, 2, 1]",
        "strftime_now('%d %b %Y %-d %H:%M') # 05 Jan 2026 5 13:04",
        "joiner('|') is callable # True",
      })
  void expressions(String expression, String expected) {
    assertEquals(expected, render("{{ " + expression + " }}").strip());
  }

  @Test
  void spacesAroundTags() {
    assertEquals("a\nx\nb", render("a\n  {% if true %}\nx\n  {% endif %}\nb\n"));
    assertEquals("axb", render("a\n {%- if true -%} \n x \n {%- endif -%} b"));
    assertEquals("  x", render("  {%+ if true %}x{% endif %}"));
    assertEquals("a\n\nb", render("a\n{# note #}\n\nb"));
    assertEquals("{{ x }}", render("{% raw %}{{ x }}{% endraw %}"));
    assertEquals("  1", render("  {{ 1 }}\n"));
  }

  @Test
  void loops() {
    assertEquals(
        "1/3 3,2/3 1,3/3 2.",
        render(
            "{% for x in list %}{{ loop.index }}/{{ loop.length }} {{ x }}"
                + "{{ ',' if not loop.last else '.' }}{% endfor %}"));
    assertEquals("none", render("{% for x in [] %}x{% else %}none{% endfor %}"));
    assertEquals(
        "1[2[3]]",
        render(
            "{% for x in [{'n': 1, 'c': [{'n': 2, 'c': [{'n': 3}]}]}] recursive %}{{ x.n }}"
                + "{% if x.c %}[{{ loop(x.c) }}]{% endif %}{% endfor %}"));
    assertEquals(
        "024",
        render(
            "{% for i in range(9) if i is even %}{% if i > 5 %}{% break %}{% endif %}{{ i }}"
                + "{% endfor %}"));
    assertEquals(
        "1", render("{% set x = 1 %}{% for i in list %}{% set x = i %}{% endfor %}{{ x }}"));
    assertEquals(
        "6",
        render(
            "{% set ns = namespace(n=0) %}{% for i in list %}{% set ns.n = ns.n + i %}{% endfor %}"
                + "{{ ns.n }}"));
  }

  @Test
  void macrosAndBlocks() {
    assertEquals(
        "[1|2|(3, 4)|{'k': 5}]",
        render(
            "{% macro m(a, b=2) %}[{{ a }}|{{ b }}|{{ varargs }}|{{ kwargs }}]{% endmacro %}"
                + "{{ m(1, 2, 3, 4, k=5) }}"));
    assertEquals(
        "<i>",
        render(
            "{% macro m() %}<{{ caller('i') }}>{% endmacro %}"
                + "{% call(x) m() %}{{ x }}{% endcall %}"));
    assertEquals("[AB]", render("{% set x | upper %}a{{ 'b' }}{% endset %}[{{ x }}]"));
    assertEquals("1 ", render("{% with a = 1 %}{{ a }}{% endwith %} {{ a }}"));
  }

  @Test
  void generatedTextHasAPlace() {
    Rendering rendering = rendering("a{% generation %}bc{{ 1 }}{% endgeneration %}d");
    assertEquals("abc1d", rendering.text());
    assertEquals(List.of(new Rendering.Span(1, 4)), rendering.generated());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      quoteCharacter = '`',
      value = {
        "missing.a # 'missing' is undefined",
        "people[0].x.y # 'dict object' has no attribute 'x'",
        "list.append(1) # access to attribute 'append' of 'list' object is unsafe.",
        "word.__class__.x # access to attribute '__class__' of 'str' object is unsafe.",
        "'a' + 1 # can only concatenate str (not \"int\") to str",
        "1 < 'a' # '<' not supported between instances of 'int' and 'str'",
        "1 / 0 # division by zero",
        "word() # 'str' object is not callable",
        "range(1000000) # Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).",
        "'x' * 1000000000 # a text would have more than 67108864 characters",
        "2 ** 10000000 # a power has more than 1048576 bits",
        "range|tojson # Object of type type is not JSON serializable",
      })
  void failures(String expression, String message) {
    TemplateException error =
        assertThrows(TemplateException.class, () -> render("\n\n{{ " + expression + " }}"));
    assertEquals(message, error.getMessage());
    assertEquals(3, error.line());
    assertFalse(error.isRaisedByTemplate());
  }

  @Test
  void aTemplateRaises() {
    TemplateException error =
        assertThrows(TemplateException.class, () -> render("a{{ raise_exception('no') }}"));
    assertEquals("no", error.getMessage());
    assertTrue(error.isRaisedByTemplate());
  }

  @Test
  void endlessRecursionEnds() {
    TemplateException error =
        assertThrows(
            TemplateException.class,
            () -> render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"));
    assertEquals("maximum recursion depth exceeded", error.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      quoteCharacter = '`',
      value = {
        "{% if x %} # Unexpected end of template. Jinja was looking for the following tags: 'elif'"
            + " or 'else' or 'endif'. The innermost block that needs to be closed is 'if'.",
        "{% nope %} # Encountered unknown tag 'nope'.",
        "{{ 1|nope }} # No filter named 'nope'.",
        "{{ 1 is nope }} # No test named 'nope'.",
        "{{ (1] }} # unexpected ']', expected ')'",
        "{{ 1 + }} # unexpected 'end of print statement'",
        "{{ a # unexpected end of template, expected 'end of print statement'.",
        "{% break %} # 'break' outside loop",
        "{% do 1 %} # Encountered unknown tag 'do'.",
      })
  void syntaxErrors(String template, String message) {
    TemplateSyntaxException error =
        assertThrows(TemplateSyntaxException.class, () -> JinjaTemplate.parse("\n" + template));
    assertEquals(message, error.getMessage());
    assertEquals(2, error.line());
  }
}
