package jllm.cli;

import java.io.InputStream;
import java.io.PrintStream;

/**
 * What a command reads and writes: the process's own streams, or a test's.
 *
 * @param out results; unbuffered
 * @param err messages for people
 */
record Streams(
    InputStream in,
    StandardOutput out,
    PrintStream err,
    boolean inIsTerminal,
    boolean outIsTerminal,
    boolean errIsTerminal) {

  /** Writes a message for people; on a terminal, in lines that are broken at spaces. */
  void tell(String message) {
    err.println(errIsTerminal ? Visible.wrapped(message, TerminalWidth.columns()) : message);
  }
}
