package jllm.tokenize.normalize;

import jllm.tokenize.text.Workspace;

/** The cleaning of SentencePiece's {@code nmt} rules: no controls, every space a space. */
public record Nmt() implements Normalizer {

  @Override
  public void normalize(Workspace workspace) {
    Filter.keep(workspace, cp -> !isDropped(cp));
    Filter.map(workspace, cp -> isSpace(cp) ? ' ' : cp);
  }

  private static boolean isDropped(int cp) {
    return cp >= 0x1 && cp <= 0x8
        || cp == 0xb
        || cp >= 0xe && cp <= 0x1f
        || cp == 0x7f
        || cp == 0x8f
        || cp == 0x9f;
  }

  private static boolean isSpace(int cp) {
    return switch (cp) {
      case 0x9, 0xa, 0xc, 0xd, 0x1680, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd -> true;
      default -> cp >= 0x200b && cp <= 0x200f;
    };
  }
}
