package jllm.train.sample;

import java.nio.charset.StandardCharsets;

/** JSON of any kind inside of a text, for a reader of objects. */
final class Utf8Json {
  static final String KEY = "value";

  private Utf8Json() {}

  /** An object whose only field, {@link #KEY}, is the value that the text holds. */
  static byte[] wrapped(String text) {
    return ("{\"" + KEY + "\": " + text + "}").getBytes(StandardCharsets.UTF_8);
  }
}
