package jllm.cli;

import java.io.PrintStream;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * How far long work is, on standard error: a bar with throughput and the time left on a terminal, a
 * line now and then elsewhere (a log), nothing if quiet was asked for. May be updated often, and
 * from any thread.
 */
abstract sealed class Progress implements AutoCloseable {
  /** The total where it is not known. */
  static final long UNKNOWN = -1;

  private static final int BAR_MILLIS = 200;
  private static final long LINE_NANOS = Duration.ofSeconds(10).toNanos();

  /** What is counted: its name, how many of it are shown as one, and how a speed is written. */
  private record Unit(String name, long size, String speed) {
    static final Unit MEGABYTES = new Unit("MB", 1_000_000, "0.0");
  }

  /** Progress in bytes, shown as megabytes. */
  static Progress bytes(Streams streams, boolean quiet, String label, long totalOrUnknown) {
    return of(streams, quiet, label, totalOrUnknown, Unit.MEGABYTES);
  }

  /**
   * Progress in things.
   *
   * @param unit their name, such as {@code merges}
   */
  static Progress count(
      Streams streams, boolean quiet, String label, long totalOrUnknown, String unit) {
    return of(streams, quiet, label, totalOrUnknown, new Unit(unit, 1, "0"));
  }

  /** Lines for a log by a clock of the caller's, in nanoseconds. */
  static Progress lines(PrintStream err, String label, long totalBytes, LongSupplier clock) {
    return new Lines(err, label, totalBytes, Unit.MEGABYTES, clock);
  }

  private static Progress of(Streams streams, boolean quiet, String label, long total, Unit unit) {
    if (quiet) {
      return new Silent(streams.err());
    }
    return streams.errIsTerminal()
        ? new Bar(streams.err(), label, total, unit)
        : new Lines(streams.err(), label, total, unit, System::nanoTime);
  }

  /** Says how much is done in all. */
  abstract void update(long done);

  /** Says something short about the work, shown beside the bar. */
  abstract void message(String text);

  /** Prints a line that stays, such as a warning. */
  abstract void say(String line);

  /** Ends the display; the bar of finished work stays on the screen. */
  @Override
  public abstract void close();

  private static DecimalFormat format(String pattern) {
    return new DecimalFormat(pattern, DecimalFormatSymbols.getInstance(Locale.ROOT));
  }

  private static final class Silent extends Progress {
    private final PrintStream err;

    Silent(PrintStream err) {
      this.err = err;
    }

    @Override
    void update(long done) {}

    @Override
    void message(String text) {}

    @Override
    void say(String line) {
      err.println(line);
    }

    @Override
    public void close() {}
  }

  private static final class Bar extends Progress {
    private static final String CLEAR_LINE = "\r\u001b[K";

    private final PrintStream err;
    private final ProgressBar bar;

    Bar(PrintStream err, String label, long total, Unit unit) {
      this.err = err;
      int width = Math.max(40, TerminalWidth.columns()) - 1;
      bar =
          new ProgressBarBuilder()
              .setTaskName(label)
              .setInitialMax(total)
              .setUnit(unit.size == 1 ? " " + unit.name : unit.name, unit.size)
              .showSpeed(format(unit.speed))
              .setUpdateIntervalMillis(BAR_MILLIS)
              .setStyle(ProgressBarStyle.UNICODE_BLOCK)
              .setConsumer(
                  new DelegatingProgressBarConsumer(
                      line -> {
                        err.print(CLEAR_LINE + line.stripTrailing());
                        err.flush();
                      },
                      width))
              .build();
    }

    @Override
    void update(long done) {
      bar.stepTo(done);
    }

    @Override
    void message(String text) {
      bar.setExtraMessage(" " + text);
    }

    @Override
    void say(String line) {
      err.print(CLEAR_LINE + line + System.lineSeparator());
      err.flush();
    }

    @Override
    public void close() {
      bar.close();
      err.println();
    }
  }

  private static final class Lines extends Progress {
    private final PrintStream err;
    private final String label;
    private final long total;
    private final Unit unit;
    private final LongSupplier clock;
    private final long start;
    private volatile long next;
    private volatile String message = "";

    Lines(PrintStream err, String label, long total, Unit unit, LongSupplier clock) {
      this.err = err;
      this.label = label;
      this.total = total;
      this.unit = unit;
      this.clock = Objects.requireNonNull(clock);
      this.start = clock.getAsLong();
      this.next = start + LINE_NANOS;
    }

    @Override
    void update(long done) {
      long now = clock.getAsLong();
      if (now - next < 0) {
        return;
      }
      synchronized (this) {
        if (now - next >= 0) {
          next = now + LINE_NANOS;
          err.println(line(done, (now - start) / 1e9));
        }
      }
    }

    private String line(long done, double seconds) {
      StringBuilder line = new StringBuilder(label + ": ");
      if (total > 0) {
        line.append(Math.min(100, done * 100 / total)).append(" % (");
      }
      line.append(done / unit.size);
      if (total > 0) {
        line.append(" of ").append(total / unit.size);
      }
      line.append(' ').append(unit.name).append(total > 0 ? ")" : "");
      line.append(", ").append(format(unit.speed).format(done / seconds / unit.size));
      line.append(' ').append(unit.name).append("/s");
      if (total > 0 && done > 0) {
        line.append(", ").append(time(seconds * Math.max(0, total - done) / done)).append(" left");
      }
      return line + (message.isEmpty() ? "" : ", " + message);
    }

    private static String time(double seconds) {
      long s = Math.round(seconds);
      return s < 60
          ? s + " s"
          : s < 3600 ? s / 60 + " min " + s % 60 + " s" : s / 3600 + " h " + s % 3600 / 60 + " min";
    }

    @Override
    void message(String text) {
      message = text;
    }

    @Override
    void say(String line) {
      err.println(line);
    }

    @Override
    public void close() {}
  }
}
