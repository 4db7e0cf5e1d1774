package jllm.tokenize.split;

import static jllm.tokenize.text.CharClass.ASCII_LETTER;
import static jllm.tokenize.text.CharClass.ASCII_PUNCTUATION;
import static jllm.tokenize.text.CharClass.CJK;
import static jllm.tokenize.text.CharClass.LETTER;
import static jllm.tokenize.text.CharClass.MARK;
import static jllm.tokenize.text.CharClass.NEWLINE;
import static jllm.tokenize.text.CharClass.NUMBER;
import static jllm.tokenize.text.CharClass.PUNCTUATION;
import static jllm.tokenize.text.CharClass.SPACE;
import static jllm.tokenize.text.CharClass.SYMBOL;

import jllm.tokenize.text.CharClass;
import jllm.tokenize.text.Utf8;

/**
 * The three patterns of DeepSeek V3 and R1, each cutting what the one before left: {@value
 * #NUMBERS}, {@value #HAN}, {@value #WORDS}. What none matches is a piece up to the next match.
 */
public final class DeepSeekSplitter implements Splitter {

  public static final String NUMBERS = "\\p{N}{1,3}";
  public static final String HAN = "[一-龥぀-ゟ゠-ヿ]+";
  public static final String WORDS =
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
          + "|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
          + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  // Each pattern sees the pieces of the one before as texts of their own, so these end a text.
  private static final int STOP = NUMBER | CJK;

  @Override
  public int next(byte[] t, int p, int end) {
    int k = CharClass.at(t, p);
    if ((k & NUMBER) != 0) {
      return Scan.numbers(t, p, end, 3);
    }
    if ((k & CJK) != 0) {
      return Scan.while_(t, p, end, CJK);
    }
    int e = match(t, p, end);
    if (e > 0) {
      return e;
    }
    int i = p;
    do {
      i += Utf8.sizeOf(t[i]);
    } while (i < end && (CharClass.at(t, i) & STOP) == 0 && match(t, i, end) < 0);
    return i;
  }

  /** The third pattern at a character that is no stop, or -1. */
  private static int match(byte[] t, int p, int end) {
    int k = CharClass.at(t, p);
    int after = p + Utf8.sizeOf(t[p]);
    int next = after < end ? CharClass.at(t, after) : 0;
    if ((k & ASCII_PUNCTUATION) != 0 && (next & ASCII_LETTER) != 0) {
      return Scan.while_(t, after, end, ASCII_LETTER);
    }
    if ((k & (LETTER | PUNCTUATION | SYMBOL | NEWLINE)) == 0 && letterOrMark(next)) {
      return letters(t, after, end);
    }
    if (letterOrMark(k)) {
      return letters(t, p, end);
    }
    int from = t[p] == ' ' ? after : p;
    if (from < end
        && (CharClass.at(t, from) & (PUNCTUATION | SYMBOL)) != 0
        && (from == p || (next & STOP) == 0)) {
      int e = from;
      while (e < end && isMark(CharClass.at(t, e))) {
        e += Utf8.sizeOf(t[e]);
      }
      while (e < end && (t[e] == '\n' || t[e] == '\r')) {
        e++;
      }
      return e;
    }
    return (k & SPACE) != 0 ? space(t, p, end) : -1;
  }

  private static boolean isMark(int k) {
    return (k & (PUNCTUATION | SYMBOL)) != 0 && (k & STOP) == 0;
  }

  private static boolean letterOrMark(int k) {
    return (k & (LETTER | MARK)) != 0 && (k & STOP) == 0;
  }

  private static int letters(byte[] t, int i, int end) {
    while (i < end && letterOrMark(CharClass.at(t, i))) {
      i += Utf8.sizeOf(t[i]);
    }
    return i;
  }

  private static int space(byte[] t, int p, int end) {
    int runEnd = Scan.while_(t, p, end, SPACE);
    boolean atEnd = runEnd == end || (CharClass.at(t, runEnd) & STOP) != 0;
    return Scan.spaceOrLines(t, p, atEnd ? runEnd : end);
  }
}
