package jllm.tokenize.differential;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What parts of regular expressions match, against Oniguruma in Hugging Face's library. */
class RegexTest {

  private static final List<String> LINES =
      List.of(
          "",
          "a",
          "\n",
          "a\n",
          "\na",
          "a\n\nb\n",
          "12345678",
          "aaa bbb",
          "a1b22c333",
          "x  y\t z \r\n",
          "ab\u00b2c \u00bd\u05d0",
          "\ud83d\ude00a\ud800\udc00b",
          "don't I'LL we'\u017fo",
          "a{,2}b{x}",
          "(ab)#c",
          "\u3042\u30a2\u6f22\u5b57",
          "e\u0301\u200dx",
          "foobar barfoo",
          "aXbXc");

  /** One character at a time. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\\w",
        "[\\w]",
        "\\W",
        "[^\\w]",
        "\\s",
        "\\S",
        "\\d",
        "\\D",
        "\\h",
        "\\H",
        ".",
        "\\R",
        "\\v",
        "\\N",
        "\\O",
        "\\p{L}",
        "\\p{Lu}",
        "\\p{M}",
        "\\p{N}",
        "\\p{Nd}",
        "\\p{P}",
        "\\p{S}",
        "\\p{Z}",
        "\\p{C}",
        "\\p{Han}",
        "\\p{Hiragana}",
        "\\p{Latin}",
        "\\p{Common}",
        "\\p{Alphabetic}",
        "\\p{Letter}",
        "\\p{Uppercase_Letter}",
        "\\p{White_Space}",
        "\\p{Upper}",
        "\\p{Alnum}",
        "\\p{Punct}",
        "\\p{Word}",
        "\\p{Graph}",
        "\\p{Print}",
        "\\p{Cntrl}",
        "\\p{Blank}",
        "\\p{ASCII}",
        "\\p{Any}",
        "\\p{LC}",
        "[[:alpha:]]",
        "[[:upper:]]",
        "[[:lower:]]",
        "[[:punct:]]",
        "[[:space:]]",
        "[[:digit:]]",
        "[[:xdigit:]]",
        "[[:blank:]]",
        "[[:cntrl:]]",
        "[[:graph:]]",
        "[[:print:]]",
        "[[:word:]]",
        "[[:^alpha:]]",
        "[^[:punct:]]",
        "(?i:k)",
        "(?i:s)",
        ".\\b",
        "\\B.",
        "^.",
        ".$",
        "[\\p{L}&&[^a-z]]",
        "\\p{^L}",
        "[\\p{^L}]",
        "\\P{^L}"
      })
  void characters(String expression) {
    StringBuilder differences = new StringBuilder();
    try (Comparison c = replacing(expression)) {
      for (int cp = 1; cp < 0x110000; cp++) {
        if ((cp < 0x2100 || cp % 13 == 0 && cp < 0x30000 || cp % 1009 == 0)
            && UnicodeEight.has(cp)) {
          if (c.difference(Character.toString(cp), false) != null) {
            differences.append(String.format("%x ", cp));
          }
        }
      }
    }
    assertEquals("", differences.toString());
  }

  /** Quantifiers, groups, options, anchors, and matches of nothing. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a{1,2}+",
        "[0-9]{1,3}+",
        "\\d{2}+",
        "\\d{2}?",
        "a{,2}",
        "a++",
        "a*+a",
        "a+?",
        "a**",
        "(?:a|b)+*",
        "x*",
        "l?",
        "\\b",
        "",
        "(?=b)",
        "a|",
        "^",
        "$",
        "\\A",
        "\\z",
        "\\Z",
        "(?m).",
        "(?m:.+)",
        ".+",
        "a(?i)x|b",
        "(?i)A",
        "(?i-m:B.)",
        "(?-i:a)",
        "(a)\\1",
        "(?<n>a)\\k<n>",
        "(?<=o)b",
        "(?<!o)b",
        "(?<=\\p{L}).",
        "(?<!\\p{L}).",
        "(?>a+)b",
        "(?#comment)a",
        "a(?#b{)c",
        "b{x}",
        "a{",
        "[]a]",
        "[a[b]]",
        "[^a[b]]",
        "[\\b]",
        "[\\h]",
        "[a&&b]",
        "[a-c&&[^b]]",
        "\\x61",
        "\\x{3042}",
        "\\u3042",
        "\\t",
        "\\e",
        "\\.",
        "[.]",
        "[\\].]",
        "\\s+(?!\\S)",
        "\\s+$",
        "\\n",
        "(\\w)(\\d)",
        "(?:(?:a|b)|c)+",
        "(?x) a b ",
        "[\\r\\n]+",
        "\\p{L}+|\\p{N}+",
        "\\}",
        "}",
        "a]"
      })
  void lines(String expression) {
    try (Comparison c = replacing(expression)) {
      for (String line : LINES) {
        String text = UnicodeEight.only(line);
        assertNull(c.difference(text, false), () -> Comparison.escape(text));
      }
    }
    if (expression.isEmpty()) {
      return;
    }
    for (String behavior : List.of("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext")) {
      try (Comparison c = splitting(expression, behavior)) {
        for (String line : LINES) {
          String text = UnicodeEight.only(line);
          assertNull(c.difference(text, false), () -> behavior + " " + Comparison.escape(text));
        }
      }
    }
  }

  private static Comparison replacing(String expression) {
    return new Comparison(
        Js.text(
            Js.object(
                "added_tokens",
                List.of(),
                "normalizer",
                Js.component(
                    "Replace", "pattern", Js.object("Regex", expression), "content", "\u2581"),
                "model",
                CharactersTest.bytes())),
        true);
  }

  private static Comparison splitting(String expression, String behavior) {
    return new Comparison(
        Js.text(
            Js.object(
                "added_tokens",
                List.of(),
                "pre_tokenizer",
                Js.component(
                    "Split",
                    "pattern",
                    Js.object("Regex", expression),
                    "behavior",
                    behavior,
                    "invert",
                    behavior.equals("Removed")),
                "model",
                Js.component("WordLevel", "vocab", Map.of("<unk>", 0), "unk_token", "<unk>"))),
        true);
  }
}
