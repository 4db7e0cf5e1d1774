package jllm.tokenize.split;

import jllm.tokenize.normalize.Prepend;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/**
 * Spaces become a visible character, which then begins words.
 *
 * @param replacement the visible character, mostly U+2581
 * @param scheme where one is put before a text that begins with none
 * @param split whether words become pieces
 */
public record Metaspace(int replacement, Scheme scheme, boolean split) implements PreTokenizer {

  /** Before which pieces the character is put. */
  public enum Scheme {
    /** Before the one that begins the text. */
    FIRST,
    /** Before none. */
    NEVER,
    /** Before each: also after an added token. */
    ALWAYS
  }

  @Override
  public void split(Workspace workspace) {
    TextBuffer in = workspace.text();
    TextBuffer out = workspace.rewrite();
    byte[] t = in.bytes();
    String prefix = Character.toString(replacement);
    for (int p = 0; p < workspace.pieces(); p++) {
      int start = workspace.pieceStart(p);
      int end = workspace.pieceEnd(p);
      int from = out.end();
      if (begins(workspace, in, start) && t[start] != ' ' && at(t, start) != replacement) {
        Prepend.prepend(in, start, prefix, out);
      }
      for (int i = start; i < end; ) {
        if (t[i] == ' ') {
          out.put(replacement, in.from(i), in.to(i));
          i++;
        } else {
          int word = i;
          while (i < end && t[i] != ' ') {
            i++;
          }
          out.copy(in, word, i);
        }
      }
      cut(workspace, out, from);
    }
    workspace.flipText();
    workspace.flipPieces();
  }

  private static int at(byte[] t, int i) {
    return Utf8.codePoint(t, i);
  }

  private boolean begins(Workspace workspace, TextBuffer in, int start) {
    return switch (scheme) {
      case NEVER -> false;
      case ALWAYS -> true;
      case FIRST -> in.from(start) == workspace.sourceStart();
    };
  }

  private void cut(Workspace workspace, TextBuffer out, int from) {
    int at = from;
    if (split) {
      byte[] t = out.bytes();
      for (int i = from; i < out.end(); i += Utf8.sizeOf(t[i])) {
        if (i > at && Utf8.codePoint(t, i) == replacement) {
          workspace.emit(at, i);
          at = i;
        }
      }
    }
    workspace.emit(at, out.end());
  }
}
