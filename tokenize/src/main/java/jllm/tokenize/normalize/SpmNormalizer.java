package jllm.tokenize.normalize;

import jllm.tokenize.model.ByteTrie;
import jllm.tokenize.text.CharsMap;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;
import org.jspecify.annotations.Nullable;

/**
 * The normalization of SentencePiece (normalizer.cc): the character map, always the longest rule,
 * and the treatment of spaces.
 *
 * @param map the compiled rules, or null for the identity
 * @param kept symbols that no rule touches
 * @param addDummyPrefix whether a space is put before the text (or after it)
 * @param removeExtraWhitespaces whether spaces at the ends and repeated ones are dropped
 * @param escapeWhitespaces whether a space is written as U+2581
 * @param spaceAsSuffix whether spaces end words rather than begin them
 */
public record SpmNormalizer(
    @Nullable CharsMap map,
    ByteTrie kept,
    boolean addDummyPrefix,
    boolean removeExtraWhitespaces,
    boolean escapeWhitespaces,
    boolean spaceAsSuffix)
    implements Normalizer {

  private static final int ESCAPED_SPACE = 0x2581;

  @Override
  public void normalize(Workspace workspace) {
    TextBuffer in = workspace.text();
    if (in.isEmpty()) {
      return;
    }
    TextBuffer out = workspace.rewrite();
    Run run = new Run(in, out);
    run.all();
    workspace.flipText();
  }

  /** One text. */
  private final class Run {
    private final TextBuffer in;
    private final TextBuffer out;
    private final byte[] text;
    private final CharsMap.Match match = new CharsMap.Match();

    // What the next characters become: a range of an array, and how many bytes they are.
    private byte[] prefix = {};
    private int prefixFrom;
    private int prefixTo;
    private int consumed;

    Run(TextBuffer in, TextBuffer out) {
      this.in = in;
      this.out = out;
      text = in.bytes();
    }

    void all() {
      int at = in.start();
      while (removeExtraWhitespaces && at < in.end()) {
        look(at);
        if (prefixTo - prefixFrom != 1 || prefix[prefixFrom] != ' ') {
          break;
        }
        at += consumed;
      }
      if (at == in.end()) {
        return;
      }
      if (addDummyPrefix && !spaceAsSuffix) {
        out.put(space(), in.from(at), in.from(at));
      }
      boolean afterSpace = removeExtraWhitespaces;
      while (at < in.end()) {
        look(at);
        while (afterSpace && prefixFrom < prefixTo && prefix[prefixFrom] == ' ') {
          prefixFrom++;
        }
        if (prefixFrom < prefixTo) {
          copy(in.from(at), in.to(at + consumed - 1));
          afterSpace = removeExtraWhitespaces && prefix[prefixTo - 1] == ' ';
        }
        at += consumed;
      }
      finish();
    }

    private void copy(int from, int to) {
      for (int i = prefixFrom; i < prefixTo; i++) {
        if (prefix[i] == ' ') {
          out.put(space(), from, to);
        } else {
          out.putByte(prefix[i], from, to);
        }
      }
    }

    private void finish() {
      byte[] bytes = out.bytes();
      if (removeExtraWhitespaces) {
        while (!out.isEmpty()) {
          int p = Utf8.previous(bytes, out.end());
          if (Utf8.codePoint(bytes, p) != space()) {
            break;
          }
          out.truncate(p);
        }
      }
      if (addDummyPrefix && spaceAsSuffix) {
        int end = in.to(in.end() - 1);
        out.put(space(), end, end);
      }
    }

    private int space() {
      return escapeWhitespaces ? ESCAPED_SPACE : ' ';
    }

    private void look(int at) {
      int keptEnd = keptEnd(at);
      if (keptEnd == at && map != null) {
        map.find(text, at, in.end(), true, match);
        if (match.length > 0) {
          prefix = map.replacements();
          prefixFrom = match.from;
          prefixTo = match.to;
          consumed = match.length;
          return;
        }
      }
      consumed = keptEnd > at ? keptEnd - at : Utf8.sizeOf(text[at]);
      prefix = text;
      prefixFrom = at;
      prefixTo = at + consumed;
    }

    /** The end of the longest symbol at a position that no rule touches. */
    private int keptEnd(int at) {
      int node = 0;
      int end = at;
      for (int i = at; i < in.end(); i++) {
        node = kept.step(node, text[i]);
        if (node < 0) {
          break;
        }
        if (kept.value(node) >= 0) {
          end = i + 1;
        }
      }
      return end;
    }
  }
}
