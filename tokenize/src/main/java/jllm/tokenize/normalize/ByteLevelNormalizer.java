package jllm.tokenize.normalize;

import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Workspace;

/** Spells every byte in the byte alphabet. */
public record ByteLevelNormalizer() implements Normalizer {

  @Override
  public void normalize(Workspace workspace) {
    TextBuffer in = workspace.text();
    TextBuffer out = workspace.rewrite();
    for (int i = in.start(); i < in.end(); i++) {
      out.put(ByteAlphabet.toChar(in.bytes()[i]), in.from(i), in.to(i));
    }
    workspace.flipText();
  }
}
