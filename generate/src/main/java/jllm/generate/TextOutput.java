package jllm.generate;

import java.io.IOException;
import java.util.List;
import jllm.tokenize.StreamDecoder;

/** The way of a text from tokens to its reader: whole characters, and nothing of a stop string. */
final class TextOutput {
  private final StreamDecoder decoder;
  private final StopStrings stops;
  private final TextSink sink;

  TextOutput(StreamDecoder decoder, List<String> stop, TextSink sink) {
    this.decoder = decoder;
    this.stops = new StopStrings(stop);
    this.sink = sink;
  }

  void push(int token) throws IOException {
    hand(stops.push(decoder.accept(token)));
  }

  /** Whether a stop string came up. */
  boolean stopped() {
    return stops.found();
  }

  /** Hands on what was held back, unless a stop string ended the text. */
  void finish() throws IOException {
    if (!stops.found()) {
      hand(stops.push(decoder.finish()));
      hand(stops.rest());
    }
  }

  private void hand(String text) throws IOException {
    if (!text.isEmpty()) {
      sink.accept(text);
    }
  }
}
