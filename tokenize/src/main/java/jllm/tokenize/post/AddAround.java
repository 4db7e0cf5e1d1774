package jllm.tokenize.post;

import jllm.tokenize.TokenBuffer;

/** Puts tokens before and after every text. */
public record AddAround(int[] before, int[] after) implements PostProcessor {

  public AddAround {
    before = before.clone();
    after = after.clone();
  }

  @Override
  public void process(
      TokenBuffer tokens, int first, byte[] text, int from, int to, boolean addSpecial) {
    if (!addSpecial) {
      return;
    }
    for (int i = 0; i < before.length; i++) {
      tokens.insert(first + i, before[i], 0, 0);
    }
    for (int id : after) {
      tokens.add(id, 0, 0);
    }
  }
}
