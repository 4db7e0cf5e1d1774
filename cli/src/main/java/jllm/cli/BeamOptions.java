package jllm.cli;

import java.util.Locale;
import jllm.generate.BeamSettings;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A search for the most probable text; names, defaults and meaning as in Hugging Face's. */
final class BeamOptions {
  private static final int MOST = 1024;

  @Option(
      names = "--num-beams",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Search for the most probable text, keeping the best N at each step, instead of drawing"
              + " tokens; 1 = off. Default: ${DEFAULT-VALUE}.")
  int beams;

  @Option(
      names = "--length-penalty",
      paramLabel = "X",
      description =
          "Texts are compared by log-probability / length^X: above 0 long ones gain. Default: 1.")
  @Nullable Double lengthPenalty;

  @Option(
      names = "--num-return-sequences",
      paramLabel = "N",
      description = "Write the best N texts. Default: 1.")
  @Nullable Integer returned;

  @Option(
      names = "--early-stopping",
      paramLabel = "WHEN",
      description =
          "With N finished texts end at once (true), when the best unfinished one is no better now"
              + " (false), or when none can become better (never). Default: false.")
  @Nullable String stopping;

  boolean wanted() {
    return beams > 1;
  }

  void check() {
    Range.check("--num-beams", beams, 1, MOST);
    if (!wanted() && (lengthPenalty != null || returned != null || stopping != null)) {
      throw new UsageException(
          "--length-penalty, --num-return-sequences and --early-stopping belong to a beam search;"
              + " give --num-beams of 2 or more");
    }
    if (lengthPenalty != null) {
      Range.check("--length-penalty", lengthPenalty, -100, 100);
    }
    if (returned != null) {
      Range.check("--num-return-sequences", returned, 1, beams);
    }
    settings();
  }

  BeamSettings settings() {
    String when = stopping == null ? "false" : stopping.toLowerCase(Locale.ROOT);
    BeamSettings.Stopping rule =
        switch (when) {
          case "true" -> BeamSettings.Stopping.EARLY;
          case "false" -> BeamSettings.Stopping.HEURISTIC;
          case "never" -> BeamSettings.Stopping.NEVER;
          default ->
              throw new UsageException(
                  "--early-stopping is " + stopping + ", expected true, false or never");
        };
    return new BeamSettings(
        beams, lengthPenalty == null ? 1 : lengthPenalty, returned == null ? 1 : returned, rule);
  }
}
