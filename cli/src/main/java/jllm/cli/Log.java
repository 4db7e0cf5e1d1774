package jllm.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.text.MessageFormat;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.ResourceBundle;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Shows what the libraries log to {@link System.Logger}, one line a message, on standard error.
 * Small, so that a short command need not start the JDK's logging.
 */
public final class Log extends System.LoggerFinder {
  private static volatile System.Logger.Level least = System.Logger.Level.WARNING;
  private static volatile Consumer<String> shown = System.err::println;
  private static volatile @Nullable PrintWriter file;

  /** For the service loader. */
  public Log() {}

  static void show(System.Logger.Level leastShown) {
    least = leastShown;
  }

  static void to(Consumer<String> lines) {
    shown = lines;
  }

  /**
   * Adds all that is logged, shown or not, to a file.
   *
   * @throws UncheckedIOException if it cannot be written
   */
  static void copyTo(Path path) {
    try {
      file =
          new PrintWriter(
              Files.newBufferedWriter(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND),
              true);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An error that was shown already. */
  static void error(String message) {
    copy(System.Logger.Level.ERROR, message);
  }

  private static void copy(System.Logger.Level level, String message) {
    PrintWriter target = file;
    if (target != null) {
      target.println(
          OffsetDateTime.now().truncatedTo(ChronoUnit.MILLIS) + " " + level + " " + message);
    }
  }

  /** Ends the copying to a file. */
  static void close() {
    PrintWriter target = file;
    if (target != null) {
      target.close();
      file = null;
    }
  }

  @Override
  public System.Logger getLogger(String name, Module module) {
    return new Lines(name);
  }

  private record Lines(String name) implements System.Logger {
    @Override
    public String getName() {
      return name;
    }

    @Override
    public boolean isLoggable(Level level) {
      return level.getSeverity() >= least.getSeverity()
          || file != null && level.getSeverity() >= Level.DEBUG.getSeverity();
    }

    @Override
    public void log(
        Level level,
        @Nullable ResourceBundle bundle,
        @Nullable String message,
        @Nullable Throwable thrown) {
      if (!isLoggable(level)) {
        return;
      }
      copy(level, message + (thrown == null ? "" : ": " + thrown));
      if (level.getSeverity() >= least.getSeverity()) {
        String prefix = level.getSeverity() >= Level.WARNING.getSeverity() ? label(level) : "";
        shown.accept("jllm: " + prefix + message + (thrown == null ? "" : ": " + thrown));
      }
    }

    @Override
    public void log(
        Level level,
        @Nullable ResourceBundle bundle,
        @Nullable String format,
        @Nullable Object @Nullable ... params) {
      boolean plain = format == null || params == null || params.length == 0;
      log(level, bundle, plain ? format : MessageFormat.format(format, params), (Throwable) null);
    }

    private static String label(Level level) {
      return level.getName().toLowerCase(Locale.ROOT) + ": ";
    }
  }
}
