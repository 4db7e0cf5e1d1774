package jllm.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import jllm.tokenize.StreamDecoder;
import jllm.tokenize.Tokenizer;

/**
 * Ids to text, as they come. Ids are numbers with anything of white space, commas and brackets
 * between them, so that lists of most languages are read.
 */
final class TokenDecoding {
  private static final int FULL = 1 << 16;
  private static final int LONGEST_SHOWN = 40;

  private final Tokenizer tokenizer;
  private final boolean skipSpecial;
  private final boolean lines;
  private final StandardOutput out;
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder word = new StringBuilder();

  // The source under way.
  private String source = "";
  private long line;
  private StreamDecoder decoder;
  private boolean endsLine = true;

  /**
   * @param lines whether each line of ids is a text of its own
   */
  TokenDecoding(Tokenizer tokenizer, boolean skipSpecial, boolean lines, StandardOutput out) {
    this.tokenizer = tokenizer;
    this.skipSpecial = skipSpecial;
    this.lines = lines;
    this.out = out;
    this.decoder = tokenizer.streamDecoder(skipSpecial);
  }

  /** Decodes all ids of a source. */
  void decode(TextSource from) throws IOException {
    source = from.name();
    line = 1;
    decoder = tokenizer.streamDecoder(skipSpecial);
    boolean inLine = false;
    try (InputStream in = from.opener().open()) {
      byte[] buffer = new byte[FULL];
      int count;
      while ((count = in.read(buffer)) >= 0) {
        for (int i = 0; i < count; i++) {
          byte b = buffer[i];
          inLine = b != '\n';
          accept(b);
        }
        print(in.available() == 0);
      }
    }
    endWord();
    if (lines ? inLine : true) {
      endText();
    }
    print(true);
  }

  private void accept(byte b) {
    switch (b) {
      case '\n' -> {
        endWord();
        line++;
        if (lines) {
          endText();
        }
      }
      case ' ', '\t', '\r', ',', '[', ']' -> endWord();
      default -> word.append((char) (b & 0xff));
    }
  }

  private void endWord() {
    if (word.isEmpty()) {
      return;
    }
    String id = word.toString();
    word.setLength(0);
    try {
      // Beyond the range of an int no vocabulary has an id.
      long number = Long.parseLong(id);
      int clamped = (int) Math.clamp(number, Integer.MIN_VALUE, Integer.MAX_VALUE);
      text.append(decoder.accept(clamped));
    } catch (NumberFormatException notANumber) {
      String found = new String(id.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
      boolean isLong = found.length() > LONGEST_SHOWN;
      throw new UsageException(
          "'"
              + (isLong ? found.substring(0, LONGEST_SHOWN) + "..." : found)
              + "' (line "
              + line
              + " of "
              + source
              + ") is no id; expected whole numbers with spaces or commas between them");
    } catch (IllegalArgumentException unknown) {
      throw new UsageException("line " + line + " of " + source + ": " + unknown.getMessage());
    }
  }

  private void endText() {
    text.append(decoder.finish());
    decoder = tokenizer.streamDecoder(skipSpecial);
    if (lines) {
      text.append('\n');
    }
  }

  private void print(boolean all) throws IOException {
    if (!text.isEmpty() && (all || text.length() >= FULL)) {
      endsLine = text.charAt(text.length() - 1) == '\n';
      out.print(text.toString());
      text.setLength(0);
    }
  }

  /** Whether what was printed ends with a line break. */
  boolean endsLine() {
    return endsLine;
  }
}
