package jllm.tokenize.text;

/**
 * What the split patterns ask of a character, as bits: a table lookup instead of a chain of tests.
 * General categories are those of the running JDK's Unicode version.
 */
public final class CharClass {

  /** General category L. */
  public static final int LETTER = 1;

  /** General category N. */
  public static final int NUMBER = 1 << 1;

  /** The property White_Space. */
  public static final int SPACE = 1 << 2;

  /** Carriage return or line feed. */
  public static final int NEWLINE = 1 << 3;

  /** General category M. */
  public static final int MARK = 1 << 4;

  /** Lu, Lt, Lm, Lo or M: what may begin a word. */
  public static final int UPPER_OR_CASELESS = 1 << 5;

  /** Ll, Lm, Lo or M: what may go on in a word. */
  public static final int LOWER_OR_CASELESS = 1 << 6;

  /** General category P. */
  public static final int PUNCTUATION = 1 << 7;

  /** General category S. */
  public static final int SYMBOL = 1 << 8;

  /** A letter A to Z or a to z. */
  public static final int ASCII_LETTER = 1 << 9;

  /** An ASCII character that is neither letter, digit, space nor control. */
  public static final int ASCII_PUNCTUATION = 1 << 10;

  /** U+4E00 to U+9FA5, Hiragana and Katakana. */
  public static final int CJK = 1 << 11;

  private static final int BLOCK = 256;
  private static final short[][] BLOCKS = new short[0x110000 / BLOCK][];
  private static final short[] ASCII = new short[128];

  static {
    for (int cp = 0; cp < ASCII.length; cp++) {
      ASCII[cp] = classify(cp);
    }
  }

  private CharClass() {}

  /** The classes of the character at a position of valid UTF-8. */
  public static int at(byte[] utf8, int i) {
    int b = utf8[i];
    return b >= 0 ? ASCII[b] : of(Utf8.codePoint(utf8, i));
  }

  /** The classes of an ASCII character. */
  public static int ascii(int b) {
    return ASCII[b];
  }

  /** The classes of a character. */
  public static int of(int cp) {
    short[] block = BLOCKS[cp / BLOCK];
    if (block == null) {
      // Threads that meet here compute the same block, so losing one does no harm.
      block = new short[BLOCK];
      for (int i = 0; i < BLOCK; i++) {
        block[i] = classify(cp / BLOCK * BLOCK + i);
      }
      BLOCKS[cp / BLOCK] = block;
    }
    return block[cp % BLOCK];
  }

  private static short classify(int cp) {
    int c =
        switch (Character.getType(cp)) {
          case Character.UPPERCASE_LETTER, Character.TITLECASE_LETTER -> LETTER | UPPER_OR_CASELESS;
          case Character.LOWERCASE_LETTER -> LETTER | LOWER_OR_CASELESS;
          case Character.MODIFIER_LETTER, Character.OTHER_LETTER ->
              LETTER | UPPER_OR_CASELESS | LOWER_OR_CASELESS;
          case Character.NON_SPACING_MARK,
              Character.COMBINING_SPACING_MARK,
              Character.ENCLOSING_MARK ->
              MARK | UPPER_OR_CASELESS | LOWER_OR_CASELESS;
          case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
              NUMBER;
          case Character.CONNECTOR_PUNCTUATION,
              Character.DASH_PUNCTUATION,
              Character.START_PUNCTUATION,
              Character.END_PUNCTUATION,
              Character.INITIAL_QUOTE_PUNCTUATION,
              Character.FINAL_QUOTE_PUNCTUATION,
              Character.OTHER_PUNCTUATION ->
              PUNCTUATION;
          case Character.MATH_SYMBOL,
              Character.CURRENCY_SYMBOL,
              Character.MODIFIER_SYMBOL,
              Character.OTHER_SYMBOL ->
              SYMBOL;
          default -> 0;
        };
    if (Unicode.isWhiteSpace(cp)) {
      c |= SPACE;
    }
    if (cp == '\r' || cp == '\n') {
      c |= NEWLINE;
    }
    if (cp < 128 && (c & LETTER) != 0) {
      c |= ASCII_LETTER;
    }
    if (cp > ' ' && cp < 127 && (c & (LETTER | NUMBER)) == 0) {
      c |= ASCII_PUNCTUATION;
    }
    if (cp >= 0x4e00 && cp <= 0x9fa5 || cp >= 0x3040 && cp <= 0x30ff) {
      c |= CJK;
    }
    return (short) c;
  }
}
