package jllm.tokenize.split;

import static jllm.tokenize.text.CharClass.LETTER;
import static jllm.tokenize.text.CharClass.NEWLINE;
import static jllm.tokenize.text.CharClass.NUMBER;
import static jllm.tokenize.text.CharClass.SPACE;

import jllm.tokenize.text.CharClass;
import jllm.tokenize.text.Utf8;

/** The moves that the scanners share. */
final class Scan {

  private Scan() {}

  /** The end of the run of characters that have one of the classes. */
  static int while_(byte[] t, int i, int end, int classes) {
    while (i < end) {
      int b = t[i];
      if (b >= 0) {
        if ((CharClass.ascii(b) & classes) == 0) {
          return i;
        }
        i++;
      } else {
        int cp = Utf8.codePoint(t, i);
        if ((CharClass.of(cp) & classes) == 0) {
          return i;
        }
        i += Utf8.size(cp);
      }
    }
    return i;
  }

  /** The end of the run of characters that have none of the classes. */
  static int until(byte[] t, int i, int end, int classes) {
    while (i < end) {
      int b = t[i];
      if (b >= 0) {
        if ((CharClass.ascii(b) & classes) != 0) {
          return i;
        }
        i++;
      } else {
        int cp = Utf8.codePoint(t, i);
        if ((CharClass.of(cp) & classes) != 0) {
          return i;
        }
        i += Utf8.size(cp);
      }
    }
    return i;
  }

  /** The end of the run of anything but white space, letters and numbers. */
  static int others(byte[] t, int i, int end) {
    return until(t, i, end, SPACE | LETTER | NUMBER);
  }

  /** The end of at most {@code max} numbers. */
  static int numbers(byte[] t, int i, int end, int max) {
    for (int n = 0; n < max && i < end && (CharClass.at(t, i) & NUMBER) != 0; n++) {
      i += Utf8.sizeOf(t[i]);
    }
    return i;
  }

  /**
   * The end of {@code \s+(?!\S)|\s+} at a white-space character: the run, less its last character
   * if something follows and the run is longer than that.
   */
  static int space(byte[] t, int p, int runEnd, int end) {
    if (runEnd == end) {
      return end;
    }
    int last = Utf8.previous(t, runEnd);
    return last > p ? last : runEnd;
  }

  /**
   * The end of {@code \s*[\r\n]+|\s+(?!\S)|\s+} at a white-space character: up to the last line
   * break of the run, or as {@link #space}.
   */
  static int spaceOrLines(byte[] t, int p, int end) {
    int runEnd = p;
    int line = -1;
    while (runEnd < end) {
      int k = CharClass.at(t, runEnd);
      if ((k & SPACE) == 0) {
        break;
      }
      runEnd += Utf8.sizeOf(t[runEnd]);
      if ((k & NEWLINE) != 0) {
        line = runEnd;
      }
    }
    return line > 0 ? line : space(t, p, runEnd, end);
  }

  /** The length of {@code 's|'t|'re|'ve|'m|'ll|'d} at an apostrophe, or 0. */
  static int contraction(byte[] t, int p, int end) {
    if (p + 1 >= end) {
      return 0;
    }
    return switch (t[p + 1]) {
      case 's', 't', 'm', 'd' -> 2;
      case 'r', 'v' -> p + 2 < end && t[p + 2] == 'e' ? 3 : 0;
      case 'l' -> p + 2 < end && t[p + 2] == 'l' ? 3 : 0;
      default -> 0;
    };
  }

  /**
   * The length of {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)} at an apostrophe, or 0. Without regard to
   * case, U+017F (long s) is an s.
   */
  static int contractionAnyCase(byte[] t, int p, int end) {
    if (p + 1 >= end) {
      return 0;
    }
    return switch (t[p + 1] | 0x20) {
      case 's', 't', 'm', 'd' -> t[p + 1] > 0 ? 2 : 0;
      case 'r', 'v' -> t[p + 1] > 0 && p + 2 < end && (t[p + 2] | 0x20) == 'e' ? 3 : 0;
      case 'l' -> t[p + 1] > 0 && p + 2 < end && (t[p + 2] | 0x20) == 'l' ? 3 : 0;
      default -> t[p + 1] == (byte) 0xc5 && p + 2 < end && t[p + 2] == (byte) 0xbf ? 3 : 0;
    };
  }
}
