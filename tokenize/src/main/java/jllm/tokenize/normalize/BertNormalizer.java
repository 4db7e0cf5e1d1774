package jllm.tokenize.normalize;

import java.text.Normalizer.Form;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;
import org.jspecify.annotations.Nullable;

/**
 * The cleaning of BERT (google-research/bert, tokenization.py, BasicTokenizer).
 *
 * @param cleanText whether controls are dropped and every white space becomes a space
 * @param handleChineseChars whether ideographs get spaces around them
 * @param stripAccents whether accents are dropped; null: as {@code lowercase}
 * @param lowercase whether letters become lower case
 */
public record BertNormalizer(
    boolean cleanText,
    boolean handleChineseChars,
    @Nullable Boolean stripAccents,
    boolean lowercase)
    implements Normalizer {

  private static final Normalizer NFD = new UnicodeForm(Form.NFD);
  private static final Normalizer LOWERCASE = new Lowercase();

  @Override
  public void normalize(Workspace workspace) {
    if (cleanText) {
      Filter.keep(workspace, cp -> cp != 0 && cp != 0xfffd && !isControl(cp));
      Filter.map(workspace, cp -> Unicode.isWhiteSpace(cp) ? ' ' : cp);
    }
    if (handleChineseChars) {
      spaceAroundIdeographs(workspace);
    }
    if (stripAccents == null ? lowercase : stripAccents) {
      NFD.normalize(workspace);
      Filter.keep(
          workspace, cp -> cp < 0x300 || Character.getType(cp) != Character.NON_SPACING_MARK);
    }
    if (lowercase) {
      LOWERCASE.normalize(workspace);
    }
  }

  private static boolean isControl(int cp) {
    if (cp == '\t' || cp == '\n' || cp == '\r') {
      return false;
    }
    int type = Character.getType(cp);
    return type == Character.CONTROL || type == Character.FORMAT || type == Character.PRIVATE_USE;
  }

  private static void spaceAroundIdeographs(Workspace workspace) {
    TextBuffer in = workspace.text();
    byte[] t = in.bytes();
    TextBuffer out = workspace.rewrite();
    boolean changed = false;
    for (int i = in.start(); i < in.end(); ) {
      int cp = Utf8.codePoint(t, i);
      int size = Utf8.size(cp);
      if (isIdeograph(cp)) {
        int from = in.from(i);
        int to = in.to(i + size - 1);
        out.put(' ', from, to);
        out.put(cp, from, to);
        out.put(' ', from, to);
        changed = true;
      } else {
        out.copy(in, i, i + size);
      }
      i += size;
    }
    if (changed) {
      workspace.flipText();
    }
  }

  /** The blocks that the reference lists, with its gap from U+2B820 to U+2B91F. */
  private static boolean isIdeograph(int cp) {
    return cp >= 0x4e00 && cp <= 0x9fff
        || cp >= 0x3400 && cp <= 0x4dbf
        || cp >= 0x20000 && cp <= 0x2a6df
        || cp >= 0x2a700 && cp <= 0x2b81f
        || cp >= 0x2b920 && cp <= 0x2ceaf
        || cp >= 0xf900 && cp <= 0xfaff
        || cp >= 0x2f800 && cp <= 0x2fa1f;
  }
}
