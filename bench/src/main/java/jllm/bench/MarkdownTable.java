package jllm.bench;

import java.util.List;
import java.util.function.IntPredicate;

/** A table in Markdown whose columns are aligned in the source, too. */
final class MarkdownTable {
  private MarkdownTable() {}

  /**
   * @param rows the first one is the header
   * @param isText columns aligned to the left; the others are numbers
   */
  static String of(List<List<String>> rows, IntPredicate isText) {
    int[] widths = new int[rows.getFirst().size()];
    for (List<String> row : rows) {
      for (int column = 0; column < widths.length; column++) {
        widths[column] = Math.max(widths[column], row.get(column).length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (int row = 0; row < rows.size(); row++) {
      for (int column = 0; column < widths.length; column++) {
        String cell = rows.get(row).get(column);
        String padding = " ".repeat(widths[column] - cell.length());
        text.append("| ").append(isText.test(column) ? cell + padding : padding + cell).append(' ');
      }
      text.append("|\n");
      if (row == 0) {
        for (int column = 0; column < widths.length; column++) {
          String line = "-".repeat(widths[column] + 1);
          text.append('|').append(isText.test(column) ? " " + line : line + ":");
        }
        text.append("|\n");
      }
    }
    return text.toString();
  }
}
