package jllm.cli;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Predicate;

/** What a program wrote to a terminal, for tests that wait for it. */
final class Screen extends OutputStream {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
  private int seen;

  @Override
  public synchronized void write(int value) {
    bytes.write(value);
    notifyAll();
  }

  @Override
  public synchronized void write(byte[] data, int from, int count) {
    bytes.write(data, from, count);
    notifyAll();
  }

  /** All of it, without the commands of the terminal and carriage returns. */
  synchronized String text() {
    return bytes
        .toString(StandardCharsets.UTF_8)
        .replaceAll("\u001b(\\[[0-9;?]*[ -/]*[@-~]|[=>])", "")
        .replace("\r", "");
  }

  /** All of it as it was written. */
  synchronized String raw() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** Waits until a text appears behind the one that was waited for before. */
  synchronized String await(String text) {
    return await(rest -> rest.indexOf(text), text);
  }

  /** Waits until something satisfies the condition; all that follows counts as new. */
  synchronized String awaitMore(Predicate<String> condition, String what) {
    return await(rest -> condition.test(rest) ? rest.length() - 1 : -1, what);
  }

  private String await(java.util.function.ToIntFunction<String> find, String what) {
    Instant end = Instant.now().plus(PATIENCE);
    while (true) {
      String text = text();
      String rest = text.substring(Math.min(seen, text.length()));
      int at = find.applyAsInt(rest);
      if (at >= 0) {
        seen += at + 1;
        return rest;
      }
      long left = Duration.between(Instant.now(), end).toMillis();
      if (left <= 0) {
        throw new AssertionError("no '" + what + "' came; the screen: " + text);
      }
      try {
        wait(left);
      } catch (InterruptedException e) {
        throw new AssertionError("interrupted; the screen: " + text, e);
      }
    }
  }
}
