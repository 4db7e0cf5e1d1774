package jllm.tokenize.text;

/** Properties of characters that no single JDK method gives. */
public final class Unicode {

  private Unicode() {}

  /** The property White_Space: what {@code \s} matches in a Unicode-aware expression. */
  public static boolean isWhiteSpace(int cp) {
    if (cp <= ' ') {
      return cp == ' ' || cp >= 9 && cp <= 13;
    }
    return cp == 0x85 || cp >= 0xa0 && Character.isSpaceChar(cp);
  }

  /** What {@code \w} matches in a Unicode-aware expression (UTS 18, annex C). */
  public static boolean isWord(int cp) {
    return Character.isAlphabetic(cp)
        || (1 << Character.getType(cp)
                & (1 << Character.NON_SPACING_MARK
                    | 1 << Character.ENCLOSING_MARK
                    | 1 << Character.COMBINING_SPACING_MARK
                    | 1 << Character.DECIMAL_DIGIT_NUMBER
                    | 1 << Character.CONNECTOR_PUNCTUATION))
            != 0
        || cp == 0x200c
        || cp == 0x200d;
  }

  /** General category N: decimal digits, letter numbers, other numbers. */
  public static boolean isNumber(int cp) {
    return (1 << Character.getType(cp)
            & (1 << Character.DECIMAL_DIGIT_NUMBER
                | 1 << Character.LETTER_NUMBER
                | 1 << Character.OTHER_NUMBER))
        != 0;
  }

  /** General category P. */
  public static boolean isPunctuation(int cp) {
    return (1 << Character.getType(cp)
            & (1 << Character.CONNECTOR_PUNCTUATION
                | 1 << Character.DASH_PUNCTUATION
                | 1 << Character.START_PUNCTUATION
                | 1 << Character.END_PUNCTUATION
                | 1 << Character.INITIAL_QUOTE_PUNCTUATION
                | 1 << Character.FINAL_QUOTE_PUNCTUATION
                | 1 << Character.OTHER_PUNCTUATION))
        != 0;
  }

  /** General category M. */
  public static boolean isMark(int cp) {
    return (1 << Character.getType(cp)
            & (1 << Character.NON_SPACING_MARK
                | 1 << Character.ENCLOSING_MARK
                | 1 << Character.COMBINING_SPACING_MARK))
        != 0;
  }
}
