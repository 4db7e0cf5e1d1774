package jllm.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** A run of the program inside the test. */
record Run(int code, String out, String err) {

  static Run of(String... args) {
    return withInput("", args);
  }

  static Run withInput(String input, String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    return run(input.getBytes(StandardCharsets.UTF_8), out, false, args);
  }

  /** With a person at the keyboard and screen. */
  static Run onTerminal(String... args) {
    return run(new byte[0], new ByteArrayOutputStream(), true, args);
  }

  /** With a standard output that fails with the given message after some bytes. */
  static Run withFailingOutput(String message, int bytes, String... args) {
    return run(new byte[0], new FailingOutput(message, bytes), false, args);
  }

  private static Run run(byte[] input, OutputStream out, boolean terminal, String... args) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Streams streams =
        new Streams(
            new ByteArrayInputStream(input),
            new StandardOutput(out),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            terminal,
            terminal,
            terminal);
    int code = Main.run(args, streams);
    String written =
        out instanceof ByteArrayOutputStream bytes ? bytes.toString(StandardCharsets.UTF_8) : "";
    return new Run(code, written, err.toString(StandardCharsets.UTF_8));
  }

  private static final class FailingOutput extends OutputStream {
    private final String message;
    private int left;

    FailingOutput(String message, int bytes) {
      this.message = message;
      this.left = bytes;
    }

    @Override
    public void write(int value) throws IOException {
      if (left-- <= 0) {
        throw new IOException(message);
      }
    }
  }
}
