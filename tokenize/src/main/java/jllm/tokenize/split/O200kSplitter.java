package jllm.tokenize.split;

import static jllm.tokenize.text.CharClass.LETTER;
import static jllm.tokenize.text.CharClass.LOWER_OR_CASELESS;
import static jllm.tokenize.text.CharClass.NEWLINE;
import static jllm.tokenize.text.CharClass.NUMBER;
import static jllm.tokenize.text.CharClass.SPACE;
import static jllm.tokenize.text.CharClass.UPPER_OR_CASELESS;

import jllm.tokenize.text.CharClass;
import jllm.tokenize.text.Utf8;

/**
 * The pattern of o200k_base, {@value #PATTERN}, and of Mistral's tekken (single digits, no
 * contractions), {@value #TEKKEN}.
 */
public final class O200kSplitter implements Splitter {

  private static final String UP = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String LOW = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String PREFIX = "[^\\r\\n\\p{L}\\p{N}]?";
  private static final String SUFFIX = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
  private static final String TAIL =
      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  public static final String PATTERN =
      PREFIX
          + UP
          + "*"
          + LOW
          + "+"
          + SUFFIX
          + "|"
          + PREFIX
          + UP
          + "+"
          + LOW
          + "*"
          + SUFFIX
          + "|\\p{N}{1,3}"
          + TAIL;
  public static final String TEKKEN =
      PREFIX + UP + "*" + LOW + "+|" + PREFIX + UP + "+" + LOW + "*|\\p{N}" + TAIL;

  private final int digits;
  private final boolean contractions;

  /**
   * @param digits the most digits of a piece
   * @param contractions whether a contraction ends a word rather than beginning a piece
   */
  public O200kSplitter(int digits, boolean contractions) {
    this.digits = digits;
    this.contractions = contractions;
  }

  @Override
  public int next(byte[] t, int p, int end) {
    int k = CharClass.at(t, p);
    if ((k & NUMBER) != 0) {
      return Scan.numbers(t, p, end, digits);
    }
    int word = word(t, p, end, k);
    if (word > 0) {
      return word;
    }
    int after = p + Utf8.sizeOf(t[p]);
    if ((k & SPACE) == 0) {
      return slashes(t, Scan.others(t, after, end), end);
    }
    if (t[p] == ' ' && after < end && (CharClass.at(t, after) & (SPACE | NUMBER | LETTER)) == 0) {
      return slashes(t, Scan.others(t, after, end), end);
    }
    return Scan.spaceOrLines(t, p, end);
  }

  /** The first two alternatives in their order, each first with and then without its prefix. */
  private int word(byte[] t, int p, int end, int k) {
    boolean prefix = (k & (LETTER | NEWLINE)) == 0;
    int after = p + Utf8.sizeOf(t[p]);
    int e = prefix ? endingLow(t, after, end) : -1;
    if (e < 0) {
      e = endingLow(t, p, end);
    }
    if (e < 0 && prefix) {
      e = beginningUp(t, after, end);
    }
    if (e < 0) {
      e = beginningUp(t, p, end);
    }
    if (e > 0 && contractions && e < end && t[e] == '\'') {
      e += Scan.contractionAnyCase(t, e, end);
    }
    return e;
  }

  /** {@code UP*LOW+} at a position, or -1. */
  private static int endingLow(byte[] t, int p, int end) {
    int i = p;
    int lastLowEnd = -1;
    int k = 0;
    while (i < end) {
      k = CharClass.at(t, i);
      if ((k & UPPER_OR_CASELESS) == 0) {
        break;
      }
      i += Utf8.sizeOf(t[i]);
      if ((k & LOWER_OR_CASELESS) != 0) {
        lastLowEnd = i;
      }
    }
    if (i < end && (k & LOWER_OR_CASELESS) != 0) {
      return Scan.while_(t, i, end, LOWER_OR_CASELESS);
    }
    // Nothing low follows: the engine gives back what it took until a caseless character, which
    // is low as well, can be the end.
    return lastLowEnd;
  }

  /** {@code UP+LOW*} at a position, or -1. */
  private static int beginningUp(byte[] t, int p, int end) {
    int i = Scan.while_(t, p, end, UPPER_OR_CASELESS);
    return i == p ? -1 : Scan.while_(t, i, end, LOWER_OR_CASELESS);
  }

  private static int slashes(byte[] t, int i, int end) {
    while (i < end && (t[i] == '\n' || t[i] == '\r' || t[i] == '/')) {
      i++;
    }
    return i;
  }
}
