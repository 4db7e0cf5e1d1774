package jllm.cli;

import java.io.IOException;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.stream.TokenChunk;

/**
 * The text with each token on a background colour of its own: for people. Control characters are
 * shown as escapes, so that no text can take the terminal over, and so are the bytes of a character
 * that several tokens share.
 */
final class TokenView extends TokenFormat {
  /** Violet, green, orange, red, blue: light ones of the 256 that terminals have. */
  private static final int[] COLOURS = {183, 157, 222, 217, 153};

  private static final String RESET = "\u001b[0m";

  private final StandardOutput out;
  private final Streams streams;
  private final Tokenizer tokenizer;
  private final boolean colours;
  private final boolean lines;
  private final boolean quiet;

  // The text under way.
  private long tokens;
  private long characters;
  private long shownTo;
  private boolean lineOpen;

  /**
   * @param colours whether there are any; otherwise a bar stands between tokens
   * @param lines whether each part is a text of its own
   */
  TokenView(Streams streams, Tokenizer tokenizer, boolean colours, boolean lines, boolean quiet) {
    this.out = streams.out();
    this.streams = streams;
    this.tokenizer = tokenizer;
    this.colours = colours;
    this.lines = lines;
    this.quiet = quiet;
  }

  @Override
  boolean needsOffsets() {
    return true;
  }

  @Override
  void begin(String name) {
    tokens = 0;
    characters = 0;
    shownTo = 0;
    lineOpen = false;
  }

  @Override
  void add(TokenChunk chunk, Part part) {
    part.chunks.add(chunk);
  }

  @Override
  void addLine(TokenChunk chunk, Part part) {
    part.chunks.add(chunk);
  }

  @Override
  void emit(Part part) throws IOException {
    for (TokenChunk chunk : part.chunks) {
      StringBuilder text = new StringBuilder();
      if (lines) {
        shownTo = chunk.offset();
        show(chunk, text);
        text.append('\n');
        lineOpen = false;
      } else {
        show(chunk, text);
      }
      out.print(text.toString());
    }
  }

  private void show(TokenChunk chunk, StringBuilder text) {
    TokenBuffer list = chunk.tokens();
    for (int i = 0; i < list.size(); i++) {
      long start = chunk.start(i);
      long end = chunk.end(i);
      if (start > shownTo) {
        between(chunk, shownTo, start, text);
        shownTo = start;
      }
      // What the next token stands for as well is shown there.
      boolean shared =
          i + 1 < list.size()
              && chunk.start(i + 1) >= start
              && chunk.end(i + 1) > chunk.start(i + 1);
      long own = shared ? Math.min(end, chunk.start(i + 1)) : end;
      String piece =
          own > shownTo ? slice(chunk, shownTo, own) : TokenText.visible(tokenizer, list.id(i));
      shownTo = Math.max(shownTo, own);
      token(piece, text);
    }
    long end = chunk.offset() + chunk.to() - chunk.from();
    if (shownTo < end) {
      between(chunk, shownTo, end, text);
      shownTo = end;
    }
    for (int i = chunk.from(); i < chunk.to(); i++) {
      characters += (chunk.text()[i] & 0xc0) == 0x80 ? 0 : 1;
    }
  }

  private void token(String piece, StringBuilder text) {
    String before =
        colours
            ? "\u001b[38;5;16;48;5;" + COLOURS[(int) (tokens % COLOURS.length)] + "m"
            : lineOpen ? "|" : "";
    tokens++;
    String after = colours ? RESET : "";
    String[] lines = piece.split("\n", -1);
    text.append(before);
    for (int i = 0; i < lines.length; i++) {
      if (i > 0) {
        text.append("\u21b5")
            .append(after)
            .append('\n')
            .append(lines[i].isEmpty() || !colours ? "" : before);
      }
      text.append(lines[i]);
    }
    boolean atLineStart = lines.length > 1 && lines[lines.length - 1].isEmpty();
    text.append(atLineStart ? "" : after);
    lineOpen = !atLineStart;
  }

  /** Text that belongs to no token. */
  private void between(TokenChunk chunk, long from, long to, StringBuilder text) {
    String slice = slice(chunk, from, to);
    text.append(slice);
    if (!slice.isEmpty()) {
      lineOpen = !slice.endsWith("\n");
    }
  }

  private static String slice(TokenChunk chunk, long from, long to) {
    int start = chunk.from() + (int) Math.max(0, from - chunk.offset());
    int end = chunk.from() + (int) (to - chunk.offset());
    StringBuilder text = new StringBuilder();
    int at = start;
    while (at < end) {
      int line = at;
      while (line < end && chunk.text()[line] != '\n') {
        line++;
      }
      text.append(TokenText.visible(chunk.text(), at, line, false));
      if (line < end) {
        text.append('\n');
      }
      at = line + 1;
    }
    return text.toString();
  }

  @Override
  void end() throws IOException {
    if (lineOpen) {
      out.print("\n");
    }
    if (!quiet) {
      streams.err().println(tokens + " tokens, " + characters + " characters");
    }
  }
}
