package jllm.tokenize.corpus;

import jllm.tokenize.text.Utf8;

/** Where a text may be cut so that its parts give the pieces, or the tokens, of the whole. */
@FunctionalInterface
public interface CutRule {

  /** For what depends on the whole text: no cut at all. */
  CutRule NEVER = (utf8, from, to) -> -1;

  /**
   * Cuts after a word that a space, a line end or punctuation follows. No piece of the patterns of
   * GPT-2, cl100k, o200k, Llama 3, Qwen 2, tekken or DeepSeek reaches across such a place, and what
   * they match on one side does not depend on the other. (An apostrophe is no such place: a
   * contraction may follow.)
   */
  CutRule WORDS = (utf8, from, to) -> afterWord(utf8, from, to, true);

  /**
   * The same before spaces and line ends alone, for texts whose punctuation may belong together.
   */
  CutRule SPACES = (utf8, from, to) -> afterWord(utf8, from, to, false);

  /**
   * The last place to cut in a range.
   *
   * @param utf8 valid UTF-8
   * @return a position after {@code from} and before {@code to}, or -1 if there is none
   */
  int last(byte[] utf8, int from, int to);

  private static int afterWord(byte[] utf8, int from, int to, boolean punctuation) {
    int cut = to;
    int following = -1;
    while (cut > from) {
      int at = Utf8.previous(utf8, cut);
      int before = Utf8.codePoint(utf8, at);
      if (following >= 0 && isCut(before, following, punctuation)) {
        return cut;
      }
      cut = at;
      following = before;
    }
    return -1;
  }

  private static boolean isCut(int before, int after, boolean punctuation) {
    if (Character.isLetter(before)) {
      return after == ' ' || after == '\n' || punctuation && isPunctuation(after);
    }
    return after == ' ' && before > ' ' && before < 0x7f;
  }

  private static boolean isPunctuation(int c) {
    return switch (Character.getType(c)) {
      case Character.CONNECTOR_PUNCTUATION,
          Character.DASH_PUNCTUATION,
          Character.START_PUNCTUATION,
          Character.END_PUNCTUATION ->
          true;
      case Character.OTHER_PUNCTUATION -> c != '\'';
      default -> false;
    };
  }
}
