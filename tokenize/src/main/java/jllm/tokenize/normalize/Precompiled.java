package jllm.tokenize.normalize;

import java.text.BreakIterator;
import java.util.Locale;
import jllm.tokenize.text.CharsMap;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/**
 * SentencePiece's character map as Hugging Face's library applies it: to each grapheme cluster of
 * fewer than six bytes as a whole, else to its characters one by one, the shortest rule first.
 */
public record Precompiled(CharsMap map) implements Normalizer {

  private static final int LARGE_CLUSTER = 6;

  @Override
  public void normalize(Workspace workspace) {
    TextBuffer in = workspace.text();
    String text = in.toString();
    BreakIterator clusters = BreakIterator.getCharacterInstance(Locale.ROOT);
    clusters.setText(text);
    Rewriting rewriting = new Rewriting(map, in.bytes(), new Transform(in, workspace.rewrite(), 0));
    int at = in.start();
    int from = clusters.first();
    for (int to = clusters.next(); to != BreakIterator.DONE; from = to, to = clusters.next()) {
      int size = utf8Size(text, from, to);
      if (size >= LARGE_CLUSTER
          || !rewriting.replace(at, at + size, text.codePointCount(from, to))) {
        rewriting.characters(at, at + size);
      }
      at += size;
    }
    rewriting.flush();
    if (rewriting.changed) {
      workspace.flipText();
    }
  }

  private static int utf8Size(String text, int from, int to) {
    int size = 0;
    for (int i = from; i < to; ) {
      int cp = text.codePointAt(i);
      size += Utf8.size(cp);
      i += Character.charCount(cp);
    }
    return size;
  }

  /**
   * One rewriting. The last character waits, because a rule that leaves nothing makes the character
   * before it stand for what was removed.
   */
  private static final class Rewriting {
    private final CharsMap map;
    private final byte[] text;
    private final Transform out;
    private final CharsMap.Match match = new CharsMap.Match();
    private int pending = -1;
    private int pendingChange;
    private boolean changed;

    Rewriting(CharsMap map, byte[] text, Transform out) {
      this.map = map;
      this.text = text;
      this.out = out;
    }

    void characters(int start, int end) {
      for (int i = start; i < end; ) {
        int size = Utf8.sizeOf(text[i]);
        if (!replace(i, i + size, 1)) {
          put(Utf8.codePoint(text, i), 0);
        }
        i += size;
      }
    }

    /**
     * Replaces characters one for one; the last new ones are added, or the last one takes what is
     * left along.
     */
    boolean replace(int start, int end, int oldCount) {
      map.find(text, start, end, false, match);
      if (match.length == 0) {
        return false;
      }
      changed = true;
      byte[] fresh = map.replacements();
      int count = 0;
      for (int i = match.from; i < match.to; i += Utf8.sizeOf(fresh[i])) {
        count++;
      }
      int more = count - oldCount;
      int n = 0;
      for (int i = match.from; i < match.to; i += Utf8.sizeOf(fresh[i])) {
        put(Utf8.codePoint(fresh, i), more > 0 && n >= count - more ? 1 : 0);
        n++;
      }
      if (more < 0) {
        pendingChange += more;
      }
      return true;
    }

    private void put(int codePoint, int change) {
      flush();
      pending = codePoint;
      pendingChange = change;
    }

    void flush() {
      if (pending >= 0) {
        out.put(pending, pendingChange);
      }
      pending = -1;
      pendingChange = 0;
    }
  }
}
