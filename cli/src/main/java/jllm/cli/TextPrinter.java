package jllm.cli;

import java.io.IOException;
import jllm.generate.TextSink;

/**
 * Prints a text as it comes, or at its end; either way it is there when the program is interrupted.
 */
class TextPrinter implements TextSink {
  private final StandardOutput out;
  private final boolean stream;
  private final StringBuilder text = new StringBuilder();
  private int printed;

  TextPrinter(StandardOutput out, boolean stream) {
    this.out = out;
    this.stream = stream;
  }

  @Override
  public synchronized void accept(String piece) throws IOException {
    text.append(piece);
    if (stream) {
      print();
    }
  }

  /** Prints what was not printed yet. */
  synchronized void print() throws IOException {
    String rest = text.substring(printed);
    printed = text.length();
    out.print(rest);
  }

  /** Prints the rest; on a terminal a line break follows where the text lacks one. */
  synchronized void finish(boolean terminal) throws IOException {
    print();
    if (terminal && !text.isEmpty() && text.charAt(text.length() - 1) != '\n') {
      out.print("\n");
    }
  }

  /** All that came. */
  synchronized String text() {
    return text.toString();
  }
}
