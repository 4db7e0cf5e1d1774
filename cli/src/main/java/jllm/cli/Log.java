package jllm.cli;

import java.io.PrintStream;
import java.text.MessageFormat;
import java.util.Locale;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/**
 * Shows what the libraries log to {@link System.Logger}, one line a message, on standard error.
 * Small, so that a short command need not start the JDK's logging.
 */
public final class Log extends System.LoggerFinder {
  private static volatile System.Logger.Level least = System.Logger.Level.WARNING;
  private static volatile PrintStream err = System.err;

  /** For the service loader. */
  public Log() {}

  static void show(System.Logger.Level leastShown) {
    least = leastShown;
  }

  static void to(PrintStream stream) {
    err = stream;
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
      return level.getSeverity() >= least.getSeverity();
    }

    @Override
    public void log(
        Level level,
        @Nullable ResourceBundle bundle,
        @Nullable String message,
        @Nullable Throwable thrown) {
      if (isLoggable(level)) {
        String prefix = level.getSeverity() >= Level.WARNING.getSeverity() ? label(level) : "";
        err.println("jllm: " + prefix + message + (thrown == null ? "" : ": " + thrown));
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
