package jllm.cli;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import jllm.tokenize.train.TrainListener;
import org.jspecify.annotations.Nullable;

/** Shows how training a tokenizer goes on, step by step, takes the time, and can stop it. */
final class TrainProgress implements TrainListener, AutoCloseable {
  private final Streams streams;
  private final boolean quiet;
  private final Map<String, Double> seconds = new LinkedHashMap<>();

  private volatile boolean cancelled;
  private String step = "";
  private long started;
  private @Nullable Progress shown;

  TrainProgress(Streams streams, boolean quiet) {
    this.streams = streams;
    this.quiet = quiet;
  }

  /** Asks to stop; from any thread. */
  void cancel() {
    cancelled = true;
  }

  @Override
  public boolean cancelled() {
    return cancelled;
  }

  /** Ends the step before and begins one; it is shown once something of it is reported. */
  void begin(String name) {
    close();
    step = name;
    started = System.nanoTime();
  }

  /** The seconds of each step that has ended. */
  Map<String, Double> seconds() {
    return seconds;
  }

  @Override
  public void read(long bytes, long total) {
    if (shown == null) {
      shown = Progress.bytes(streams, quiet, label(), total);
    }
    shown.update(bytes);
  }

  @Override
  public void counted(int distinctWords, long textBytes) {
    begin("merging");
  }

  @Override
  public void merged(int tokens, int wanted) {
    if (shown == null) {
      shown = Progress.count(streams, quiet, label(), wanted, "tokens");
    }
    shown.update(tokens);
  }

  @Override
  public void skipped(String message) {
    String line = "jllm: warning: left out: " + message;
    if (shown == null) {
      streams.err().println(line);
    } else {
      shown.say(line);
    }
  }

  private String label() {
    return step.substring(0, 1).toUpperCase(Locale.ROOT) + step.substring(1);
  }

  /** Ends the step under way. */
  @Override
  public void close() {
    if (shown != null) {
      shown.close();
      shown = null;
    }
    if (!step.isEmpty()) {
      seconds.put(step, (System.nanoTime() - started) / 1e9);
      step = "";
    }
  }
}
