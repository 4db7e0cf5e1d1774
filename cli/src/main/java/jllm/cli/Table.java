package jllm.cli;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A table without borders, a line for each element. */
final class Table<T> {
  private final List<ColumnData<T>> columns = new ArrayList<>();

  /** A column of words. */
  Table<T> left(String header, Function<T, String> cell) {
    return column(header, HorizontalAlign.LEFT, cell);
  }

  /** A column of numbers. */
  Table<T> right(String header, Function<T, String> cell) {
    return column(header, HorizontalAlign.RIGHT, cell);
  }

  private Table<T> column(String header, HorizontalAlign align, Function<T, String> cell) {
    columns.add(
        new Column()
            .header(header)
            .headerAlign(align)
            .dataAlign(align)
            .maxWidth(Integer.MAX_VALUE)
            .with(row -> cell.apply(row)));
    return this;
  }

  /** The table, its lines ended by a line feed. */
  String text(Collection<T> rows) {
    String table =
        AsciiTable.builder().border(AsciiTable.NO_BORDERS).data(rows, columns).asString();
    return table.lines().map(String::stripTrailing).collect(Collectors.joining("\n", "", "\n"));
  }
}
