package jllm.cli;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** How wide the terminal is. */
final class TerminalWidth {
  private static final int USUAL = 80;

  private TerminalWidth() {}

  /** The columns of the terminal that the program was started on, 80 where that is not told. */
  static int columns() {
    String variable = System.getenv("COLUMNS");
    int columns = variable == null ? 0 : number(variable);
    return columns > 0 ? columns : ofTerminal();
  }

  /** Standard error is not the process's own here, so that the terminal itself is asked. */
  private static int ofTerminal() {
    File terminal = new File("/dev/tty");
    if (!terminal.exists()) {
      return USUAL;
    }
    try {
      Process stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(terminal)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String size = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      int columns = number(size.substring(size.indexOf(' ') + 1));
      return columns > 0 ? columns : USUAL;
    } catch (IOException noTerminal) {
      return USUAL;
    }
  }

  private static int number(String text) {
    try {
      return Integer.parseInt(text.strip());
    } catch (NumberFormatException e) {
      return 0;
    }
  }
}
