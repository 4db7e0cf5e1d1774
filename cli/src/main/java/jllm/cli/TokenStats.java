package jllm.cli;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.stream.TokenChunk;

/** Counts of texts, side by side. */
final class TokenStats extends TokenFormat {

  /** The counts of one text. */
  private static final class Row {
    private final String name;
    private long characters;
    private long bytes;
    private long tokens;
    private long singleBytes;

    Row(String name) {
      this.name = name;
    }

    double bytesPerToken() {
      return tokens == 0 ? 0 : (double) bytes / tokens;
    }

    double singleByteShare() {
      return tokens == 0 ? 0 : (double) singleBytes / tokens;
    }
  }

  private final Tokenizer tokenizer;
  private final List<Row> rows = new ArrayList<>();

  /** By id: 0 not looked at yet, 1 a single byte, 2 something else. */
  private final byte[] kinds;

  TokenStats(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
    kinds = new byte[tokenizer.vocabulary().size()];
  }

  @Override
  boolean needsOffsets() {
    return false;
  }

  @Override
  void begin(String name) {
    rows.add(new Row(name));
  }

  @Override
  void add(TokenChunk chunk, Part part) {
    part.chunks.add(chunk);
    Row row = rows.getLast();
    long characters = 0;
    for (int i = chunk.from(); i < chunk.to(); i++) {
      characters += (chunk.text()[i] & 0xc0) == 0x80 ? 0 : 1;
    }
    long single = 0;
    for (int i = 0; i < chunk.tokens().size(); i++) {
      single += isSingleByte(chunk.tokens().id(i)) ? 1 : 0;
    }
    synchronized (row) {
      row.characters += characters;
      row.bytes += chunk.to() - chunk.from();
      row.tokens += chunk.tokens().size();
      row.singleBytes += single;
    }
  }

  private boolean isSingleByte(int id) {
    byte kind = kinds[id];
    if (kind == 0) {
      boolean text = !tokenizer.vocabulary().isSpecial(id);
      kind = (byte) (text && tokenizer.tokenBytes(id).length == 1 ? 1 : 2);
      kinds[id] = kind;
    }
    return kind == 1;
  }

  @Override
  void addLine(TokenChunk chunk, Part part) {
    throw new UnsupportedOperationException("texts are compared, not lines");
  }

  @Override
  void emit(Part part) {
    part.chunks.clear();
  }

  @Override
  void end() {}

  /** Prints a table. */
  void print(StandardOutput out) throws IOException {
    out.print(
        AsciiTable.builder()
                .border(AsciiTable.NO_BORDERS)
                .data(
                    rows,
                    List.of(
                        column("text", HorizontalAlign.LEFT, row -> row.name),
                        column("characters", row -> Long.toString(row.characters)),
                        column("bytes", row -> Long.toString(row.bytes)),
                        column("tokens", row -> Long.toString(row.tokens)),
                        column("bytes/token", row -> format("%.2f", row.bytesPerToken())),
                        column(
                            "single-byte tokens",
                            row -> format("%.1f %%", 100 * row.singleByteShare()))))
                .asString()
            + "\n");
  }

  private static String format(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  private static ColumnData<Row> column(String header, Function<Row, String> value) {
    return column(header, HorizontalAlign.RIGHT, value);
  }

  private static ColumnData<Row> column(
      String header, HorizontalAlign align, Function<Row, String> value) {
    return new Column()
        .header(header)
        .headerAlign(align)
        .dataAlign(align)
        .maxWidth(1000)
        .with(value::apply);
  }

  /** Prints one JSON object. */
  void printJson(StandardOutput out) throws IOException {
    List<Map<String, Object>> texts = new ArrayList<>();
    for (Row row : rows) {
      Map<String, Object> text = new LinkedHashMap<>();
      text.put("text", row.name);
      text.put("characters", row.characters);
      text.put("bytes", row.bytes);
      text.put("tokens", row.tokens);
      text.put("bytesPerToken", row.bytesPerToken());
      text.put("singleByteShare", row.singleByteShare());
      texts.add(text);
    }
    try (Json json = new Json(out)) {
      json.begin();
      json.field("tokenizer", tokenizer.name());
      json.field("texts", texts);
      json.end();
    }
  }
}
