package jllm.tokenize.text;

import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The character properties of Oniguruma by their JDK names (oniguruma, doc/UNICODE_PROPERTIES and
 * doc/RE): bare names are general categories, POSIX brackets, binary properties and scripts. A
 * translation is a list of members of a bracketed class.
 */
final class RegexProperties {

  /** What {@code \w} is inside a bracketed class. */
  static final String WORD = "\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}";

  /** What it is elsewhere: Oniguruma has another table for Latin-1, with its other numbers. */
  static final String WORD_ALONE = WORD + "\u00b2\u00b3\u00b9\u00bc-\u00be";

  /**
   * Nothing, but a character beyond the basic plane: only if there is one does the JDK's engine see
   * such characters when it looks behind.
   */
  static final String LOOK_BEHIND_ALL = Character.toString(0x10000) + "{0}";

  private static final String BEHIND = LOOK_BEHIND_ALL + "[" + WORD_ALONE + "])";

  /** What {@code \b} is. */
  static final String BOUNDARY =
      "(?:(?<=" + BEHIND + "(?![" + WORD_ALONE + "])|(?<!" + BEHIND + "(?=[" + WORD_ALONE + "]))";

  private static final Map<String, String> CATEGORIES =
      Map.ofEntries(
          Map.entry("letter", "L"),
          Map.entry("uppercaseletter", "Lu"),
          Map.entry("lowercaseletter", "Ll"),
          Map.entry("titlecaseletter", "Lt"),
          Map.entry("casedletter", "LC"),
          Map.entry("modifierletter", "Lm"),
          Map.entry("otherletter", "Lo"),
          Map.entry("mark", "M"),
          Map.entry("combiningmark", "M"),
          Map.entry("nonspacingmark", "Mn"),
          Map.entry("spacingmark", "Mc"),
          Map.entry("enclosingmark", "Me"),
          Map.entry("number", "N"),
          Map.entry("decimalnumber", "Nd"),
          Map.entry("letternumber", "Nl"),
          Map.entry("othernumber", "No"),
          Map.entry("punctuation", "P"),
          Map.entry("connectorpunctuation", "Pc"),
          Map.entry("dashpunctuation", "Pd"),
          Map.entry("openpunctuation", "Ps"),
          Map.entry("closepunctuation", "Pe"),
          Map.entry("initialpunctuation", "Pi"),
          Map.entry("finalpunctuation", "Pf"),
          Map.entry("otherpunctuation", "Po"),
          Map.entry("symbol", "S"),
          Map.entry("mathsymbol", "Sm"),
          Map.entry("currencysymbol", "Sc"),
          Map.entry("modifiersymbol", "Sk"),
          Map.entry("othersymbol", "So"),
          Map.entry("separator", "Z"),
          Map.entry("spaceseparator", "Zs"),
          Map.entry("lineseparator", "Zl"),
          Map.entry("paragraphseparator", "Zp"),
          Map.entry("other", "C"),
          Map.entry("control", "Cc"),
          Map.entry("format", "Cf"),
          Map.entry("surrogate", "Cs"),
          Map.entry("privateuse", "Co"),
          Map.entry("unassigned", "Cn"));

  private static final Map<String, String> POSIX =
      Map.ofEntries(
          Map.entry("alnum", "\\p{IsAlphabetic}\\p{Nd}"),
          Map.entry("alpha", "\\p{IsAlphabetic}"),
          Map.entry("ascii", "\\x00-\\x7F"),
          Map.entry("blank", "\\p{Zs}\\t"),
          Map.entry("cntrl", "\\p{Cc}"),
          Map.entry("digit", "\\p{Nd}"),
          Map.entry("graph", "[^\\p{IsWhite_Space}\\p{Cc}\\p{Cn}\\p{Cs}]"),
          Map.entry("lower", "\\p{IsLowercase}"),
          Map.entry("print", "\\p{Zs}[^\\p{IsWhite_Space}\\p{Cc}\\p{Cn}\\p{Cs}]"),
          Map.entry("punct", "\\p{P}\\p{S}"),
          Map.entry("space", "\\p{IsWhite_Space}"),
          Map.entry("upper", "\\p{IsUppercase}"),
          Map.entry("xdigit", "0-9A-Fa-f"),
          Map.entry("word", WORD),
          Map.entry("any", "\\x{0}-\\x{10FFFF}"),
          Map.entry("assigned", "\\P{Cn}"));

  private RegexProperties() {}

  /** The members of {@code \p{name}}. */
  static String property(String name) {
    String key = name.toLowerCase(Locale.ROOT).replaceAll("[ _-]", "");
    String posix = key.equals("punct") ? "\\p{P}" : POSIX.get(key);
    if (posix != null) {
      return posix;
    }
    String category = CATEGORIES.get(key);
    if (category != null) {
      return "\\p{" + category + "}";
    }
    if (key.length() <= 2 && !key.isEmpty()) {
      String first = key.substring(0, 1).toUpperCase(Locale.ROOT);
      return "\\p{" + (key.equals("lc") ? "LC" : first + key.substring(1)) + "}";
    }
    return "\\p{" + (key.startsWith("in") && !key.startsWith("inh") ? name : "Is" + name) + "}";
  }

  /** The members of {@code [:name:]}, or null if that is no such bracket. */
  static @Nullable String bracket(String name) {
    boolean negated = name.startsWith("^");
    String members = POSIX.get(negated ? name.substring(1) : name);
    return members == null || !negated ? members : "[^" + members + "]";
  }
}
