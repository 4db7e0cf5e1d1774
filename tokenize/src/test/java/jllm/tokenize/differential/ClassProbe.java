package jllm.tokenize.differential;

import java.util.List;
import java.util.Map;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;

/** Which characters a part of a regular expression matches, here and there. */
final class ClassProbe {

  private ClassProbe() {}

  static final List<String> CLASSES =
      List.of(
          "\\w", "[\\w]", "\\W", "[^\\w]", "[\\W]", "\\s", "[\\s]", "\\S", "\\d", "\\D", "\\h", "\\H",
          ".", "\\R", "\\X", "\\v", "\\N", "\\O", "\\p{L}", "\\p{Lu}", "\\p{Ll}", "\\p{Lt}", "\\p{Lm}", "\\p{Lo}",
          "\\p{M}", "\\p{N}", "\\p{Nd}", "\\p{Nl}", "\\p{No}", "\\p{P}", "\\p{Pc}", "\\p{Pd}", "\\p{S}", "\\p{Sm}", "\\p{Sc}",
          "\\p{Sk}", "\\p{So}", "\\p{Z}", "\\p{Zs}", "\\p{C}", "\\p{Cc}", "\\p{Cf}", "\\p{Han}",
          "\\p{Hiragana}", "\\p{Katakana}", "\\p{Latin}", "\\p{Cyrillic}", "\\p{Greek}", "\\p{Arabic}",
          "\\p{Hangul}", "\\p{Thai}", "\\p{Common}", "\\p{Alphabetic}", "\\p{Letter}", "\\p{Punctuation}", "\\p{Uppercase_Letter}",
          "\\p{White_Space}", "\\p{Upper}", "\\p{Alpha}", "\\p{Alnum}", "\\p{Punct}", "\\p{Space}", "\\p{Word}", "\\p{Graph}", "\\p{Print}", "\\p{Cntrl}", "\\p{Blank}", "\\p{ASCII}", "\\p{Any}", "\\p{Ideographic}", "\\p{Emoji}", "\\p{LC}",
          "[[:alpha:]]", "[[:alnum:]]", "[[:upper:]]", "[[:lower:]]", "[[:punct:]]", "[[:space:]]", "[[:digit:]]", "[[:xdigit:]]", "[[:blank:]]", "[[:cntrl:]]", "[[:graph:]]", "[[:print:]]", "[[:word:]]", "[[:ascii:]]", "[[:^alpha:]]", "[^[:punct:]]",
          "(?i:k)", "(?i:s)", "(?i:[a-z])", "(?i:\u00e9)", "(?i:\u03c3)", "a\\b|.\\b", "\\B.", "^.", ".$", "[^a]", "[a-z\u00e0-\u00ff]", "[!-~]", "[^\\s\\p{L}\\p{N}]", "[^\\r\\n\\p{L}\\p{N}]",
          "[\\p{L}&&[^a-z]]", "\\p{^L}", "[\\p{^L}]", "\\P{^L}", "\\p{Mn}", "\\p{Me}", "\\p{Co}", "\\p{Cn}");

  public static void main(String[] args) {
    for (String c : args.length > 0 ? List.of(args) : CLASSES) {
      String json =
          Js.text(
              Js.object(
                  "added_tokens", List.of(), "normalizer",
                  Js.component("Replace", "pattern", Js.object("Regex", c), "content", "X"),
                  "model", Js.component("WordLevel", "vocab", Map.of("X", 0, "u", 1), "unk_token", "u")));
      try (Reference theirs = Reference.of(json)) {
        Tokenizer ours;
        try {
          ours = Tokenizers.json(json, "t");
        } catch (RuntimeException e) {
          System.out.println(c + " we refuse " + e.getMessage());
          continue;
        }
        StringBuilder diff = new StringBuilder();
        int n = 0;
        for (int cp = 1; cp < 0x110000; cp++) {
          if (cp >= 0x30000 && cp % 997 != 0 || !UnicodeEight.has(cp)) {
            continue;
          }
          String s = Character.toString(cp);
          if (s.equals("X")) {
            continue;
          }
          boolean a = ours.encode(s)[0] == 0;
          boolean b = theirs.ids(s)[0] == 0;
          if (a != b && n++ < 40) {
            diff.append(String.format(" %s%x", a ? "+" : "-", cp));
          }
        }
        System.out.println(c + " " + n + (n > 0 ? diff : ""));
      } catch (RuntimeException e) {
        System.out.println(c + " they refuse " + e.getMessage());
      }
    }
  }
}
