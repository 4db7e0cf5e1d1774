package jllm.tokenize.split;

import static jllm.tokenize.text.CharClass.LETTER;
import static jllm.tokenize.text.CharClass.NEWLINE;
import static jllm.tokenize.text.CharClass.NUMBER;
import static jllm.tokenize.text.CharClass.SPACE;

import jllm.tokenize.text.CharClass;
import jllm.tokenize.text.Utf8;

/**
 * The pattern of cl100k_base and Llama 3 (numbers of up to three digits), {@value #PATTERN}, and of
 * Qwen 2 (single digits), {@value #QWEN2}.
 */
public final class Cl100kSplitter implements Splitter {

  private static final String HEAD =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}";
  private static final String TAIL =
      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  public static final String PATTERN = HEAD + "{1,3}" + TAIL;
  public static final String QWEN2 = HEAD + TAIL;

  private final int digits;

  /**
   * @param digits the most digits of a piece
   */
  public Cl100kSplitter(int digits) {
    this.digits = digits;
  }

  @Override
  public int next(byte[] t, int p, int end) {
    int b = t[p];
    if (b == '\'') {
      int n = Scan.contractionAnyCase(t, p, end);
      if (n > 0) {
        return p + n;
      }
    }
    int k = CharClass.at(t, p);
    if ((k & LETTER) != 0) {
      return Scan.while_(t, p, end, LETTER);
    }
    if ((k & NUMBER) != 0) {
      return Scan.numbers(t, p, end, digits);
    }
    int after = b >= 0 ? p + 1 : p + Utf8.sizeOf((byte) b);
    int next = after < end ? CharClass.at(t, after) : 0;
    if ((k & NEWLINE) == 0 && (next & LETTER) != 0) {
      return Scan.while_(t, after, end, LETTER);
    }
    if ((k & SPACE) == 0) {
      return lines(t, Scan.others(t, after, end), end);
    }
    if (b == ' ' && after < end && (next & (SPACE | NUMBER)) == 0) {
      return lines(t, Scan.others(t, after, end), end);
    }
    return Scan.spaceOrLines(t, p, end);
  }

  private static int lines(byte[] t, int i, int end) {
    while (i < end && (t[i] == '\n' || t[i] == '\r')) {
      i++;
    }
    return i;
  }
}
