package jllm.tokenize.normalize;

import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;

/**
 * Rewrites a text character by character and decides what each new character stands for, by the
 * rules of Hugging Face's library (normalizer.rs, transform_range): a character that replaces one
 * stands for it, an added one stands for what the character before it stood for, and removed ones
 * are passed over.
 */
final class Transform {

  private final TextBuffer in;
  private final TextBuffer out;
  private int at;

  /**
   * @param removed how many characters are left out at the beginning
   */
  Transform(TextBuffer in, TextBuffer out, int removed) {
    this.in = in;
    this.out = out;
    at = in.start();
    skip(removed);
  }

  /**
   * Appends a character.
   *
   * @param change 0 if it replaces the next one, 1 if it is added, -N if it replaces the next one
   *     and N more after it are removed
   */
  void put(int codePoint, int change) {
    if (change > 0) {
      if (at > in.start()) {
        out.put(codePoint, in.from(Utf8.previous(in.bytes(), at)), in.to(at - 1));
      } else {
        int origin = in.isEmpty() ? 0 : in.from(in.start());
        out.put(codePoint, origin, origin);
      }
      return;
    }
    int size = Utf8.sizeOf(in.bytes()[at]);
    out.put(codePoint, in.from(at), in.to(at + size - 1));
    at += size;
    skip(-change);
  }

  private void skip(int characters) {
    for (int i = 0; i < characters && at < in.end(); i++) {
      at += Utf8.sizeOf(in.bytes()[at]);
    }
  }
}
