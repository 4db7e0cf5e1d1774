package jllm.cli;

import java.nio.file.Path;
import java.util.Locale;
import jllm.tokenize.shard.ShardListener;
import jllm.train.EvaluationReport;
import jllm.train.StepReport;
import jllm.train.TrainListener;
import org.jspecify.annotations.Nullable;

/** Shows how a run goes on: a live line, measurements, texts; and can stop it. */
final class PretrainDisplay implements TrainListener, ShardListener, AutoCloseable {
  /** Of the newest step in the means that are shown: single steps jump. */
  private static final double NEWEST = 0.1;

  private final Streams streams;
  private final boolean quiet;
  private volatile boolean stop;
  private double flopsPerStep;
  private double peakFlops;
  private double meanLoss = Double.NaN;
  private double meanSpeed = Double.NaN;
  private String evaluation = "";
  private boolean hinted; // at how to find where numbers stop to be finite
  private @Nullable Progress shown;

  PretrainDisplay(Streams streams, boolean quiet) {
    this.streams = streams;
    this.quiet = quiet;
  }

  /**
   * Shows a run of training.
   *
   * @param options whose hints are not given where they were taken
   */
  PretrainDisplay(Streams streams, boolean quiet, PretrainLoopOptions options) {
    this(streams, quiet);
    hinted = options.detectAnomaly;
  }

  /** Asks to stop after the step under way; from any thread. */
  void stop() {
    stop = true;
  }

  @Override
  public boolean stopRequested() {
    return stop;
  }

  @Override
  public boolean cancelled() {
    return stop;
  }

  @Override
  public void read(long bytes, long total) {
    if (shown == null) {
      shown = Progress.bytes(streams, quiet, "Encoding", total);
    }
    shown.update(bytes);
  }

  @Override
  public void skipped(String message) {
    say("jllm: warning: left out: " + message);
  }

  /**
   * Begins with the steps.
   *
   * @param peakFlops what the machine can do in a second, NaN if that is not to be shown
   */
  void begin(long steps, double flopsPerStep, double peakFlops) {
    close();
    this.flopsPerStep = flopsPerStep;
    this.peakFlops = peakFlops;
    shown = Progress.count(streams, quiet, "Training", steps, "steps");
  }

  @Override
  public void stepped(StepReport report) {
    if (report.skipped() != StepReport.Skipped.NO) {
      boolean spike = report.skipped() == StepReport.Skipped.SPIKE;
      String why = spike ? "a spike of the loss" : "no finite loss or gradient";
      say(
          "step %d left out: %s (loss %.4f, gradient norm %.3g)%s"
              .formatted(
                  report.step(),
                  why,
                  report.loss(),
                  report.gradientNorm(),
                  spike || hinted ? "" : "; --detect-anomaly says where such numbers begin"));
      hinted |= !spike;
      return;
    }
    meanLoss = mean(meanLoss, report.loss());
    meanSpeed = mean(meanSpeed, 1 / report.seconds());
    if (shown == null) {
      return;
    }
    shown.message(
        String.format(
            Locale.ROOT,
            "loss %.4f%s lr %.2e grad %.2f %s tok/s%s%s",
            meanLoss,
            evaluation,
            report.learningRate(),
            report.gradientNorm(),
            speed(report.tokensPerSecond() * report.seconds() * meanSpeed),
            report.trained() == report.tokens()
                ? ""
                : " ("
                    + speed(report.trainedPerSecond() * report.seconds() * meanSpeed)
                    + " trained)",
            Double.isNaN(peakFlops)
                ? ""
                : " %.0f %% of peak".formatted(100 * flopsPerStep * meanSpeed / peakFlops)));
    shown.update(report.step() + 1);
  }

  private static double mean(double before, double value) {
    return Double.isNaN(before) ? value : before + NEWEST * (value - before);
  }

  private static String speed(double perSecond) {
    return perSecond < 10_000
        ? String.format(Locale.ROOT, "%.0f", perSecond)
        : String.format(Locale.ROOT, "%.1fk", perSecond / 1000);
  }

  @Override
  public void evaluated(EvaluationReport report) {
    evaluation = String.format(Locale.ROOT, " val %.4f", report.loss());
    say(line(report));
  }

  /** A measurement, on one line. */
  static String line(EvaluationReport report) {
    String bits =
        Double.isNaN(report.bitsPerByte())
            ? ""
            : String.format(Locale.ROOT, ", %.3f bits per byte", report.bitsPerByte());
    return String.format(
        Locale.ROOT,
        "step %d: validation loss %.4f%s%s",
        report.step(),
        report.loss(),
        bits,
        report.best() ? " (best)" : "");
  }

  @Override
  public void sampled(long step, String text) {
    say("step " + step + ": the model writes:\n" + text.strip().indent(4).stripTrailing());
  }

  @Override
  public void saved(long step, Path checkpoint) {
    if (stop) {
      say("stopped after " + step + " steps; saved " + checkpoint);
    }
  }

  /** Shows a line, above the live one. */
  void say(String line) {
    if (quiet) {
      return;
    }
    if (shown == null) {
      streams.err().println(line);
    } else {
      shown.say(line);
    }
  }

  @Override
  public void close() {
    if (shown != null) {
      shown.close();
      shown = null;
    }
  }
}
