package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What long work says of itself, on a terminal and in a log. */
class ProgressTest {
  private final ByteArrayOutputStream written = new ByteArrayOutputStream();
  private final PrintStream err = new PrintStream(written, true, StandardCharsets.UTF_8);

  private Streams streams(boolean terminal) {
    return new Streams(
        InputStream.nullInputStream(),
        new StandardOutput(OutputStream.nullOutputStream()),
        err,
        terminal,
        terminal,
        terminal);
  }

  private String text() {
    return written.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aBarOnATerminal() {
    try (Progress progress = Progress.bytes(streams(true), false, "Encoding", 4_000_000)) {
      progress.update(1_000_000);
      progress.say("jllm: warning: line 7 was skipped");
      progress.message("12 tokens");
      progress.update(4_000_000);
    }
    String[] lines = text().split("\n", -1);
    assertTrue(text().contains("\r\u001b[Kjllm: warning: line 7 was skipped\n"), text());
    String last = lines[lines.length - 2];
    String bar = last.substring(last.lastIndexOf("\u001b[K") + 3);
    assertTrue(bar.startsWith("Encoding 100%"), bar);
    assertTrue(bar.contains("4/4MB") && bar.contains("MB/s"), bar);
    assertEquals("", lines[lines.length - 1]);
  }

  @Test
  void anUnknownTotal() {
    try (Progress progress =
        Progress.count(streams(true), false, "Merging", Progress.UNKNOWN, "merges")) {
      progress.update(77);
    }
    assertTrue(text().contains("77/? merges"), text());
  }

  @Test
  void linesInALog() {
    AtomicLong clock = new AtomicLong(5);
    try (Progress progress = Progress.lines(err, "Encoding", 100_000_000, clock::get)) {
      progress.update(0);
      clock.addAndGet(9_999_999_999L);
      progress.update(1_000_000);
      clock.addAndGet(1);
      progress.update(40_000_000);
      progress.update(41_000_000);
      progress.message("3 skipped");
      clock.addAndGet(10_000_000_000L);
      progress.update(50_000_000);
    }
    assertEquals(
        """
        Encoding: 40 % (40 of 100 MB), 4.0 MB/s, 15 s left
        Encoding: 50 % (50 of 100 MB), 2.5 MB/s, 20 s left, 3 skipped
        """,
        text());
  }

  @Test
  void nothingIfQuietButWhatMustBeSaid() {
    try (Progress progress = Progress.bytes(streams(true), true, "Encoding", 10)) {
      progress.update(5);
      progress.say("a warning");
    }
    assertEquals("a warning\n", text());
  }
}
