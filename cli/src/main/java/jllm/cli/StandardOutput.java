package jllm.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The process's standard output: a failure to write there is told apart from one on any other file,
 * and is remembered, since printers in between keep it to themselves.
 */
final class StandardOutput extends OutputStream {
  private final OutputStream out;
  private @Nullable Failure failure;

  StandardOutput(OutputStream out) {
    this.out = out;
  }

  /** Standard output cannot be written to. */
  static final class Failure extends IOException {
    private static final long serialVersionUID = 1;

    Failure(IOException cause) {
      super("standard output cannot be written to: " + cause.getMessage(), cause);
    }

    /** Whether the reader of a pipe or socket has seen enough, which is no error. */
    boolean readerLeft() {
      String reason = String.valueOf(getCause()).toLowerCase(Locale.ROOT);
      return reason.contains("broken pipe") || reason.contains("connection reset");
    }
  }

  @Nullable Failure failure() {
    return failure;
  }

  @Override
  public void write(int oneByte) throws IOException {
    write(new byte[] {(byte) oneByte}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int count) throws IOException {
    try {
      out.write(bytes, from, count);
    } catch (IOException e) {
      failure = new Failure(e);
      throw failure;
    }
  }

  @Override
  public void flush() throws IOException {
    try {
      out.flush();
    } catch (IOException e) {
      failure = new Failure(e);
      throw failure;
    }
  }

  /** Writes text in UTF-8, whatever the locale. */
  void print(String text) throws IOException {
    write(text.getBytes(StandardCharsets.UTF_8));
  }
}
