package jllm.cli;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Records of a measurement as programs read them. */
final class Records {
  private Records() {}

  /**
   * Writes records that all have the same fields, one at least.
   *
   * @param format other than Markdown
   */
  static void write(
      StandardOutput out, BenchCommand.Format format, List<Map<String, Object>> records)
      throws IOException {
    switch (format) {
      case JSON -> {
        try (Json json = new Json(out)) {
          json.array(records);
        }
      }
      case JSONL -> {
        for (Map<String, Object> record : records) {
          out.print(Json.compact(record) + "\n");
        }
      }
      case CSV -> {
        out.print(String.join(",", records.getFirst().keySet()) + "\n");
        for (Map<String, Object> record : records) {
          out.print(
              record.values().stream().map(Records::cell).collect(Collectors.joining(",")) + "\n");
        }
      }
      case MD -> throw new IllegalArgumentException("a table is made by whoever knows the columns");
    }
  }

  private static String cell(Object value) {
    return switch (value) {
      case Number number -> number.toString();
      case Collection<?> several ->
          quoted(several.stream().map(String::valueOf).collect(Collectors.joining(" ")));
      default -> quoted(value.toString());
    };
  }

  private static String quoted(String text) {
    return '"' + text.replace("\"", "\"\"") + '"';
  }
}
