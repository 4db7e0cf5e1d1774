package jllm.cli;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.stream.TokenChunk;

/** Tokens one after the other: for programs. */
final class TokenList extends TokenFormat {

  /** Writes one token. */
  interface Element {
    void write(TokenBuffer tokens, int index, long offset, Part part);
  }

  /**
   * What surrounds the tokens of a text.
   *
   * @param before by the name of the text
   * @param after by the number of tokens
   */
  private record Layout(
      Function<String, String> before, String between, Function<Long, String> after) {}

  private final StandardOutput out;
  private final Element element;
  private final Layout layout;
  private final Layout line;
  private final boolean offsets;

  // The text under way.
  private String name = "";
  private long tokens;

  private TokenList(
      StandardOutput out, Element element, Layout layout, Layout line, boolean offsets) {
    this.out = out;
    this.element = element;
    this.layout = layout;
    this.line = line;
    this.offsets = offsets;
  }

  /** What is printed of each token. */
  record Columns(boolean ids, boolean pieces, boolean offsets) {
    int count() {
      return (ids ? 1 : 0) + (pieces ? 1 : 0) + (offsets ? 1 : 0);
    }
  }

  /** The number of tokens alone, with the name of the text where there are several. */
  static TokenFormat count(StandardOutput out, boolean named) {
    Element none = (tokens, i, offset, part) -> {};
    TokenList[] self = new TokenList[1];
    Layout text = new Layout(n -> "", "", n -> n + (named ? "\t" + self[0].name : "") + "\n");
    self[0] = new TokenList(out, none, text, new Layout(n -> "", "", n -> n + "\n"), false);
    return self[0];
  }

  /** Ids on one line, or a token a line with its columns; as lines of a text a text a line. */
  static TokenFormat plain(StandardOutput out, Tokenizer tokenizer, Columns columns) {
    boolean row = columns.pieces || columns.offsets;
    Element element =
        (tokens, i, offset, part) -> {
          String tab = "";
          if (columns.ids) {
            part.number(tokens.id(i));
            tab = "\t";
          }
          if (columns.offsets) {
            part.text(tab);
            part.number(position(offset, tokens.start(i)));
            part.text(columns.count() == 1 ? "-" : "\t");
            part.number(position(offset, tokens.end(i)));
            tab = "\t";
          }
          if (columns.pieces) {
            part.text(tab + TokenText.visible(tokenizer, tokens.id(i)));
          }
        };
    Layout text =
        row
            ? new Layout(n -> "", "\n", n -> n == 0 ? "" : "\n")
            : new Layout(n -> "", " ", n -> "\n");
    Layout line = new Layout(n -> "", columns.pieces ? "\t" : " ", n -> "\n");
    return new TokenList(out, element, text, line, columns.offsets);
  }

  /** One JSON object on one line. */
  static TokenFormat json(
      StandardOutput out, Tokenizer tokenizer, Columns columns, boolean countOnly, boolean named) {
    boolean one = columns.count() == 1;
    String list = columns.ids && one ? "ids" : columns.pieces && one ? "pieces" : "tokens";
    list = columns.offsets && one ? "offsets" : list;
    String begin = countOnly ? "" : quoted(list) + ":[";
    String end = countOnly ? "" : "],";
    Element element =
        (tokens, i, offset, part) -> {
          if (!countOnly) {
            json(tokenizer, columns, one, tokens, i, offset, part);
          }
        };
    Function<String, String> before =
        name ->
            "{\"tokenizer\":"
                + quoted(tokenizer.name())
                + (named ? ",\"text\":" + quoted(name) : "")
                + ","
                + begin;
    Function<Long, String> after = n -> end + "\"count\":" + n + "}\n";
    String between = countOnly ? "" : ",";
    return new TokenList(
        out,
        element,
        new Layout(before, between, after),
        new Layout(name -> "{" + begin, between, after),
        columns.offsets);
  }

  private static void json(
      Tokenizer tokenizer,
      Columns columns,
      boolean one,
      TokenBuffer tokens,
      int i,
      long offset,
      Part part) {
    int id = tokens.id(i);
    String comma = "";
    part.text(one ? "" : "{");
    if (columns.ids) {
      part.text(one ? "" : "\"id\":");
      part.number(id);
      comma = ",";
    }
    if (columns.pieces) {
      byte[] bytes = tokenizer.tokenBytes(id);
      String text = new String(bytes, StandardCharsets.UTF_8);
      part.text((one ? "" : comma + "\"piece\":") + quoted(text));
      if (!one && !java.util.Arrays.equals(bytes, text.getBytes(StandardCharsets.UTF_8))) {
        part.text(",\"bytes\":[");
        for (int k = 0; k < bytes.length; k++) {
          part.text(k == 0 ? "" : ",");
          part.number(bytes[k] & 0xff);
        }
        part.text("]");
      }
      comma = ",";
    }
    if (columns.offsets) {
      part.text(one ? "[" : comma + "\"start\":");
      part.number(position(offset, tokens.start(i)));
      part.text(one ? "," : ",\"end\":");
      part.number(position(offset, tokens.end(i)));
      part.text(one ? "]" : "");
    }
    part.text(one ? "" : "}");
  }

  /** Added special tokens stand for no text. */
  private static long position(long offset, int inPart) {
    return inPart < 0 ? 0 : offset + inPart;
  }

  private static String quoted(String text) {
    return "\"" + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + "\"";
  }

  @Override
  boolean needsOffsets() {
    return offsets;
  }

  @Override
  void begin(String textName) throws IOException {
    name = textName;
    tokens = 0;
    out.print(layout.before.apply(name));
  }

  @Override
  void add(TokenChunk chunk, Part part) {
    TokenBuffer list = chunk.tokens();
    for (int i = 0; i < list.size(); i++) {
      part.text(layout.between);
      element.write(list, i, chunk.offset(), part);
    }
    part.tokens += list.size();
  }

  @Override
  void addLine(TokenChunk chunk, Part part) {
    TokenBuffer list = chunk.tokens();
    part.text(line.before.apply(""));
    for (int i = 0; i < list.size(); i++) {
      part.text(i == 0 ? "" : line.between);
      element.write(list, i, 0, part);
    }
    part.text(line.after.apply((long) list.size()));
  }

  @Override
  void emit(Part part) throws IOException {
    // What stands between tokens was written before each; nothing precedes the first.
    part.writeTo(out, part.tokens > 0 && tokens == 0 ? layout.between.length() : 0);
    tokens += part.tokens;
  }

  @Override
  void end() throws IOException {
    out.print(layout.after.apply(tokens));
  }
}
