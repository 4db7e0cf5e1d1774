package jllm.tokenize.normalize;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer.Form;
import java.util.Arrays;
import jllm.tokenize.text.CombiningClass;
import jllm.tokenize.text.Decomposition;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/**
 * The normalization forms of UAX 15. Text that is normalized already, as most is, is left alone;
 * the rest is decomposed, ordered and composed here, because only so is it known what each
 * character stands for.
 */
public record UnicodeForm(Form form) implements Normalizer {

  @Override
  public void normalize(Workspace workspace) {
    TextBuffer in = workspace.text();
    if (isNormalized(in)) {
      return;
    }
    TextBuffer out = workspace.rewrite();
    boolean compatible = form == Form.NFKC || form == Form.NFKD;
    boolean compose = form == Form.NFC || form == Form.NFKC;
    Sink sink = new Sink(new Transform(in, out, 0), compose);
    byte[] t = in.bytes();
    for (int i = in.start(); i < in.end(); ) {
      int cp = Utf8.codePoint(t, i);
      i += Utf8.size(cp);
      int[] parts = Decomposition.of(cp, compatible);
      if (parts.length == 0) {
        sink.decomposed(cp, 0);
      } else {
        for (int k = 0; k < parts.length; k++) {
          sink.decomposed(parts[k], k == 0 ? 0 : 1);
        }
      }
    }
    sink.finish();
    workspace.flipText();
  }

  private boolean isNormalized(TextBuffer in) {
    byte[] t = in.bytes();
    int i = in.start();
    // Nothing below U+00A0 changes in any form, nothing below U+0300 in NFC.
    int safe = form == Form.NFC ? 0xcc : 0xc2;
    while (i < in.end() && (t[i] & 0xff) < (t[i] >= 0 ? 0x80 : safe)) {
      i++;
      while (i < in.end() && (t[i] & 0xc0) == 0x80) {
        i++;
      }
    }
    if (i == in.end()) {
      return true;
    }
    // What follows may compose with the last character that was passed over.
    if (i > in.start()) {
      i = Utf8.previous(t, i);
    }
    String rest = new String(t, i, in.end() - i, StandardCharsets.UTF_8);
    return java.text.Normalizer.isNormalized(rest, form);
  }

  /**
   * Orders marks and composes, carrying along how each character changes the text (see {@link
   * Transform}): what is composed into another counts as removed.
   */
  private static final class Sink {
    private final Transform out;
    private final boolean compose;

    // Marks wait until the next character that is none, to be put in order.
    private int[] marks = new int[16];
    private int[] markChanges = new int[16];
    private int[] markClasses = new int[16];
    private int markCount;

    // A starter waits for what may compose with it; marks that do not stay behind it.
    private boolean hasStarter;
    private int starter;
    private int starterChange;
    private int lastClass = -1;
    private int[] kept = new int[16];
    private int[] keptChanges = new int[16];
    private int keptCount;

    Sink(Transform out, boolean compose) {
      this.out = out;
      this.compose = compose;
    }

    void decomposed(int cp, int change) {
      int ccc = CombiningClass.of(cp);
      if (ccc == 0) {
        flushMarks();
        ordered(cp, change, 0);
        return;
      }
      if (markCount == marks.length) {
        marks = Arrays.copyOf(marks, markCount * 2);
        markChanges = Arrays.copyOf(markChanges, markCount * 2);
        markClasses = Arrays.copyOf(markClasses, markCount * 2);
      }
      int at = markCount++;
      while (at > 0 && markClasses[at - 1] > ccc) {
        marks[at] = marks[at - 1];
        markChanges[at] = markChanges[at - 1];
        markClasses[at] = markClasses[at - 1];
        at--;
      }
      marks[at] = cp;
      markChanges[at] = change;
      markClasses[at] = ccc;
    }

    private void flushMarks() {
      for (int i = 0; i < markCount; i++) {
        ordered(marks[i], markChanges[i], markClasses[i]);
      }
      markCount = 0;
    }

    private void ordered(int cp, int change, int ccc) {
      if (!compose) {
        out.put(cp, change);
        return;
      }
      if (!hasStarter) {
        if (ccc != 0) {
          out.put(cp, change);
        } else {
          begin(cp, change);
        }
        return;
      }
      boolean blocked = lastClass >= ccc;
      int composed = blocked ? -1 : Decomposition.compose(starter, cp);
      if (composed >= 0) {
        starter = composed;
        starterChange += change - 1;
      } else if (ccc == 0) {
        release();
        begin(cp, change);
      } else {
        keep(cp, change);
        lastClass = ccc;
      }
    }

    private void begin(int cp, int change) {
      hasStarter = true;
      starter = cp;
      starterChange = change;
      lastClass = -1;
    }

    private void keep(int cp, int change) {
      if (keptCount == kept.length) {
        kept = Arrays.copyOf(kept, keptCount * 2);
        keptChanges = Arrays.copyOf(keptChanges, keptCount * 2);
      }
      kept[keptCount] = cp;
      keptChanges[keptCount++] = change;
    }

    private void release() {
      out.put(starter, starterChange);
      for (int i = 0; i < keptCount; i++) {
        out.put(kept[i], keptChanges[i]);
      }
      keptCount = 0;
      hasStarter = false;
    }

    void finish() {
      flushMarks();
      if (hasStarter) {
        release();
      }
    }
  }
}
