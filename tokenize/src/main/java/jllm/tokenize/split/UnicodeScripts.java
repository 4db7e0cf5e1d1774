package jllm.tokenize.split;

import java.lang.Character.UnicodeScript;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;
import org.jspecify.annotations.Nullable;

/**
 * Cuts where the script changes; Han, Hiragana and Katakana count as one, a space belongs to
 * whatever it stands in, and spaces before the first other character are lost, as in the reference.
 */
public record UnicodeScripts() implements PreTokenizer {

  private static final int PROLONGED_SOUND_MARK = 0x30fc;

  @Override
  public void split(Workspace workspace) {
    byte[] t = workspace.text().bytes();
    for (int p = 0; p < workspace.pieces(); p++) {
      int end = workspace.pieceEnd(p);
      int from = -1;
      UnicodeScript last = null;
      for (int i = workspace.pieceStart(p); i < end; ) {
        int cp = Utf8.codePoint(t, i);
        UnicodeScript script = script(cp);
        if (script != null) {
          if (script != last) {
            if (from >= 0) {
              workspace.emit(from, i);
            }
            from = i;
          }
          last = script;
        }
        i += Utf8.size(cp);
      }
      if (from >= 0) {
        workspace.emit(from, end);
      }
    }
    workspace.flipPieces();
  }

  /** The script, or null where any will do. */
  private static @Nullable UnicodeScript script(int cp) {
    if (cp == ' ') {
      return null;
    }
    if (cp == PROLONGED_SOUND_MARK) {
      return UnicodeScript.HAN;
    }
    UnicodeScript script = UnicodeScript.of(cp);
    return switch (script) {
      case HIRAGANA, KATAKANA -> UnicodeScript.HAN;
      case UNKNOWN -> null;
      default -> script;
    };
  }
}
