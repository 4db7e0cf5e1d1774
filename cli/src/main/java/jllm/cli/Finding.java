package jllm.cli;

import java.io.IOException;
import java.util.Map;

/**
 * A result for people and for programs.
 *
 * @param text ends with a line feed
 */
record Finding(String text, Map<String, Object> json) {

  void write(StandardOutput out, boolean asJson) throws IOException {
    if (!asJson) {
      out.print(text);
      return;
    }
    try (Json writer = new Json(out)) {
      writer.begin();
      for (Map.Entry<String, Object> entry : json.entrySet()) {
        writer.field(entry.getKey(), entry.getValue());
      }
      writer.end();
    }
  }
}
