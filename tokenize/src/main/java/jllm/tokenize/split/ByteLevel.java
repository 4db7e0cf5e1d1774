package jllm.tokenize.split;

import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/**
 * Spells the bytes of each piece in the byte alphabet, after cutting it by GPT-2's pattern if
 * asked.
 *
 * @param addPrefixSpace whether a piece that does not begin with a space gets one
 * @param trimOffsets for the post-processor of the same name; means nothing here
 * @param useRegex whether pieces are cut by GPT-2's pattern
 */
public record ByteLevel(boolean addPrefixSpace, boolean trimOffsets, boolean useRegex)
    implements PreTokenizer {

  private static final PreTokenizer GPT2 = new SplitterPreTokenizer(new Gpt2Splitter());

  @Override
  public void split(Workspace workspace) {
    splitOnly(workspace);
    spell(workspace);
  }

  /** All but the spelling, for models that take bytes as they are. */
  public PreTokenizer withoutSpelling() {
    return this::splitOnly;
  }

  private void splitOnly(Workspace workspace) {
    if (addPrefixSpace) {
      addPrefix(workspace);
    }
    if (useRegex) {
      GPT2.split(workspace);
    }
  }

  private static void addPrefix(Workspace workspace) {
    TextBuffer in = workspace.text();
    TextBuffer out = workspace.rewrite();
    for (int i = 0; i < workspace.pieces(); i++) {
      int start = workspace.pieceStart(i);
      int from = out.end();
      if (in.bytes()[start] != ' ') {
        out.put(' ', in.from(start), in.to(start + Utf8.sizeOf(in.bytes()[start]) - 1));
      }
      out.copy(in, start, workspace.pieceEnd(i));
      workspace.emit(from, out.end());
    }
    workspace.flipText();
    workspace.flipPieces();
  }

  private static void spell(Workspace workspace) {
    TextBuffer in = workspace.text();
    TextBuffer out = workspace.rewrite();
    for (int i = 0; i < workspace.pieces(); i++) {
      int from = out.end();
      for (int k = workspace.pieceStart(i); k < workspace.pieceEnd(i); k++) {
        out.put(ByteAlphabet.toChar(in.bytes()[k]), in.from(k), in.to(k));
      }
      workspace.emit(from, out.end());
    }
    workspace.flipText();
    workspace.flipPieces();
  }
}
