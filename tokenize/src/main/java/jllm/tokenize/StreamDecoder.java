package jllm.tokenize;

import jllm.tokenize.decode.Decoder;

/**
 * Decodes tokens one at a time, as a model generates them. What it returns are whole characters:
 * bytes of a character that is not complete are held back. Not thread-safe.
 */
public final class StreamDecoder {

  private final Vocabulary vocabulary;
  private final boolean skipSpecial;
  private final StringBuilder pending = new StringBuilder();
  private final Decoder.Stage stage;

  StreamDecoder(Vocabulary vocabulary, Decoder decoder, boolean skipSpecial) {
    this.vocabulary = vocabulary;
    this.skipSpecial = skipSpecial;
    this.stage = decoder.beginStreaming(pending::append);
  }

  /**
   * Takes the next token.
   *
   * @return the text that is complete now, possibly empty
   * @throws IllegalArgumentException if no token has that id
   */
  public String accept(int id) {
    String text = vocabulary.text(id);
    if (skipSpecial && vocabulary.isSpecial(id)) {
      return "";
    }
    stage.accept(text);
    return take();
  }

  /** Says that no token follows; returns what was held back. */
  public String finish() {
    stage.finish();
    return take();
  }

  private String take() {
    if (pending.isEmpty()) {
      return "";
    }
    String text = pending.toString();
    pending.setLength(0);
    return text;
  }
}
