package jllm.tokenize;

import java.util.SplittableRandom;

/**
 * Random texts that look for trouble: all planes, combining marks, CJK, emoji sequences, controls,
 * runs of white space, digits, contractions, and ordinary words between. Seeded.
 */
public final class RandomText {

  private static final String[] WORDS = {
    "the",
    "Hello",
    "world",
    "don't",
    "I'll",
    "WE'RE",
    "it'S",
    "'ve",
    "isn\u2019t",
    "caf\u00e9",
    "na\u00efve",
    "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1",
    "\u041c\u043e\u0441\u043a\u0432\u0430",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "\u0939\u093f\u0928\u094d\u0926\u0940",
    "\u4f60\u597d",
    "\u65e5\u672c\u8a9e",
    "\u3072\u3089\u304c\u306a",
    "\u30ab\u30bf\u30ab\u30ca",
    "\ud55c\uad6d\uc5b4",
    "\u0e44\u0e17\u0e22",
    "camelCaseWord",
    "HTTPServer",
    "snake_case",
    "x86_64",
    "a.b.c",
    "C++",
    "i18n",
    "e\u0301",
    "A\u030a",
    "\u212b",
    "\ufb01ne",
    "\u01c5",
    "\u0130stanbul",
    "stra\u00dfe",
    "\u03a3\u03a3\u03c2",
    "\u1e9b\u0323"
  };
  private static final String[] ODDS = {
    "\ud83d\ude00",
    "\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67",
    "\ud83c\uddeb\ud83c\uddf7",
    "\ud83d\udc4d\ud83c\udffd",
    "\u2764\ufe0f",
    "\u0000",
    "\u0007",
    "\u007f",
    "\u0085",
    "\u00a0",
    "\u2028",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\ufffd",
    "\u3000",
    "\u2581",
    "\u00ad",
    "\u0301",
    "\u20dd",
    "\u1160",
    "'s",
    "'T",
    "'\u017f",
    "'ll",
    "'RE",
    "\"",
    "''",
    "...",
    "!?",
    "\u2026",
    "\u2014",
    "\u00a1",
    "\u00bd",
    "\u2167",
    "\u0663",
    "\u0967\u0968",
    "\ud835\udfd8"
  };
  private static final String[] SPACES = {
    " ", "  ", "   ", "\n", "\r\n", "\t", " \n", "\n\n", " \n ", "\n \n", "     ", "\u3000 ", "\r",
    "\u000b", "\f"
  };

  private final SplittableRandom random;

  public RandomText(long seed) {
    random = new SplittableRandom(seed);
  }

  /** A text of about that many parts. */
  public String next(int parts) {
    StringBuilder s = new StringBuilder();
    int n = random.nextInt(parts + 1);
    for (int i = 0; i < n; i++) {
      part(s);
    }
    return s.toString();
  }

  private void part(StringBuilder s) {
    switch (random.nextInt(12)) {
      case 0, 1, 2 -> s.append(pick(WORDS));
      case 3, 4 -> s.append(' ').append(pick(WORDS));
      case 5 -> s.append(pick(SPACES));
      case 6 -> s.append(pick(ODDS));
      case 7 -> digits(s);
      case 8 -> s.appendCodePoint(random.nextInt(0x20, 0x7f));
      case 9 -> s.appendCodePoint(random.nextInt(0xa0, 0x3000));
      case 10 -> s.appendCodePoint(anyCodePoint());
      default -> {
        int run = random.nextInt(6);
        String part = random.nextBoolean() ? pick(SPACES) : pick(ODDS);
        s.append(part.repeat(run));
      }
    }
  }

  private void digits(StringBuilder s) {
    int n = random.nextInt(1, 9);
    for (int i = 0; i < n; i++) {
      s.append((char) ('0' + random.nextInt(10)));
    }
  }

  private int anyCodePoint() {
    while (true) {
      int cp =
          switch (random.nextInt(4)) {
            case 0 -> random.nextInt(0x10000);
            case 1 -> random.nextInt(0x10000, 0x20000);
            case 2 -> random.nextInt(0x20000, 0x30000);
            default -> random.nextInt(0x110000);
          };
      if (cp < 0xd800 || cp > 0xdfff) {
        return cp;
      }
    }
  }

  private String pick(String[] from) {
    return from[random.nextInt(from.length)];
  }
}
