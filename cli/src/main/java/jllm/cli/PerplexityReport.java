package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import jllm.generate.perplexity.Comparison;
import jllm.generate.perplexity.Estimate;
import jllm.generate.perplexity.PerplexityResult;
import org.jspecify.annotations.Nullable;

/** How well a model predicts a text, for people or as JSON. */
final class PerplexityReport {
  private final PerplexityRun.Outcome outcome;
  private final int stride;
  private final @Nullable Path base;

  PerplexityReport(PerplexityRun.Outcome outcome, int stride, @Nullable Path base) {
    this.outcome = outcome;
    this.stride = stride;
    this.base = base;
  }

  /** A perplexity with its usual four decimals. */
  static String show(double perplexity) {
    return String.format(Locale.ROOT, "%.4f", perplexity);
  }

  private static String show(Estimate estimate, String format) {
    return String.format(
        Locale.ROOT, format + " +/- " + format, estimate.value(), estimate.error());
  }

  String text() {
    PerplexityResult result = outcome.result();
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "perplexity     %s%nbits per byte  %.4f%n",
            show(result.perplexity(), "%.4f"),
            result.bitsPerByte()));
    Comparison comparison = result.comparison();
    if (comparison != null && base != null) {
      double before = comparison.basePerplexity().value();
      double delta = result.perplexity().value() - before;
      text.append(
          String.format(
              Locale.ROOT,
              "base           %s (%s)%n"
                  + "difference     %+.4f (%+.3f %%), logarithm of the ratio %s%n"
                  + "KL divergence  %s nats%n"
                  + "same top token %s %%%n",
              show(comparison.basePerplexity(), "%.4f"),
              base,
              delta,
              100 * delta / before,
              show(comparison.logRatio(), "%.6f"),
              show(comparison.divergence(), "%.6f"),
              show(
                  new Estimate(
                      100 * comparison.sameTop().value(), 100 * comparison.sameTop().error()),
                  "%.3f")));
    }
    text.append(
        String.format(
            Locale.ROOT,
            "%,d tokens counted, %,d bytes; %d windows of %d tokens, %s; %.0f tokens/s%n",
            result.scoredTokens(),
            result.scoredBytes(),
            result.windows(),
            outcome.context(),
            stride == 0 ? "the second half of each counts" : "one every " + stride + " tokens",
            result.tokensPerSecond()));
    return text.toString();
  }

  void writeJson(StandardOutput out) throws IOException {
    PerplexityResult result = outcome.result();
    try (Json json = new Json(out)) {
      json.begin();
      json.field("perplexity", result.perplexity().value());
      json.field("perplexity_error", result.perplexity().error());
      json.field("bits_per_byte", result.bitsPerByte());
      json.field("log_likelihood", result.logLikelihood());
      json.field("tokens", result.scoredTokens());
      json.field("bytes", result.scoredBytes());
      json.field("windows", result.windows());
      json.field("context", outcome.context());
      json.field("stride", stride == 0 ? null : stride);
      json.field("tokens_per_second", result.tokensPerSecond());
      Comparison comparison = result.comparison();
      if (comparison != null && base != null) {
        json.begin("against");
        json.field("model", base.toString());
        json.field("perplexity", comparison.basePerplexity().value());
        json.field("perplexity_error", comparison.basePerplexity().error());
        json.field("log_ratio", comparison.logRatio().value());
        json.field("log_ratio_error", comparison.logRatio().error());
        json.field("kl_divergence", comparison.divergence().value());
        json.field("kl_divergence_error", comparison.divergence().error());
        json.field("same_top", comparison.sameTop().value());
        json.field("same_top_error", comparison.sameTop().error());
        json.end();
      }
      json.end();
    }
  }
}
