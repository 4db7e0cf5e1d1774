package jllm.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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

    /** Whether the reader of a pipe has seen enough, which is no error. */
    boolean readerLeft() {
      // The system's message may be translated, but no other file than a pipe loses its reader.
      return String.valueOf(getCause()).toLowerCase(Locale.ROOT).contains("pipe") || isPipe();
    }

    private static boolean isPipe() {
      try {
        String target = Files.readSymbolicLink(Path.of("/proc/self/fd/1")).toString();
        return target.startsWith("pipe:") || target.startsWith("socket:");
      } catch (IOException | RuntimeException noProc) {
        return false;
      }
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
