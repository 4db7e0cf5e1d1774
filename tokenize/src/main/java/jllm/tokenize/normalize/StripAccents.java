package jllm.tokenize.normalize;

import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Workspace;

/** Leaves out combining marks (general category M). */
public record StripAccents() implements Normalizer {

  @Override
  public void normalize(Workspace workspace) {
    Filter.keep(workspace, cp -> cp < 0x300 || !Unicode.isMark(cp));
  }
}
