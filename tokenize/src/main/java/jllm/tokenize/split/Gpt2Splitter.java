package jllm.tokenize.split;

import static jllm.tokenize.text.CharClass.LETTER;
import static jllm.tokenize.text.CharClass.NUMBER;
import static jllm.tokenize.text.CharClass.SPACE;

import jllm.tokenize.text.CharClass;

/** The pattern of GPT-2 (openai/gpt-2, encoder.py): {@value #PATTERN}. */
public final class Gpt2Splitter implements Splitter {

  public static final String PATTERN =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  @Override
  public int next(byte[] t, int p, int end) {
    int b = t[p];
    if (b == '\'') {
      int n = Scan.contraction(t, p, end);
      if (n > 0) {
        return p + n;
      }
    }
    int q = b == ' ' && p + 1 < end ? p + 1 : p;
    int k = CharClass.at(t, q);
    if ((k & SPACE) != 0) {
      return Scan.space(t, p, Scan.while_(t, p, end, SPACE), end);
    }
    if ((k & LETTER) != 0) {
      return Scan.while_(t, q, end, LETTER);
    }
    if ((k & NUMBER) != 0) {
      return Scan.while_(t, q, end, NUMBER);
    }
    return Scan.others(t, q, end);
  }
}
