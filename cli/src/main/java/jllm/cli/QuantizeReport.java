package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.generate.perplexity.Comparison;
import jllm.generate.perplexity.PerplexityResult;
import jllm.quantize.QuantizationType;
import jllm.quantize.TensorPlan;
import jllm.quantize.TensorResult;
import org.jspecify.annotations.Nullable;

/** The table of a quantization, a line for each tensor as it is done, or one JSON object. */
final class QuantizeReport {
  private final StandardOutput out;
  private final boolean json;
  private final QuantizationType type;
  private final List<TensorPlan> plans;
  private final String format;
  private final List<Map<String, Object>> rows = new ArrayList<>();
  private final Map<String, Object> totals = new LinkedHashMap<>();

  QuantizeReport(StandardOutput out, boolean json, List<TensorPlan> plans, QuantizationType type)
      throws IOException {
    this.out = out;
    this.json = json;
    this.plans = plans;
    this.type = type;
    int name = plans.stream().mapToInt(plan -> plan.tensor().name().length()).max().orElse(6);
    int shape =
        plans.stream().mapToInt(p -> p.tensor().shape().toString().length()).max().orElse(5);
    this.format = "%-" + name + "s  %-" + shape + "s  %-6s  %-7s  %9s  %6s  %s%n";
    if (!json) {
      print("tensor", "shape", "from", "to", "size", "bits", "error");
    }
  }

  private void print(Object... cells) throws IOException {
    out.print(String.format(Locale.ROOT, format, cells).stripTrailing() + "\n");
    out.flush();
  }

  /** A tensor that is written, or that would be. */
  void row(TensorPlan plan, @Nullable Double error) throws IOException {
    boolean changed = plan.target() != null;
    String from = plan.tensor().type();
    String to = plan.type().name();
    double bits = 8.0 * plan.bytes() / plan.tensor().shape().elements();
    if (json) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("name", plan.tensor().name());
      row.put("from", from);
      row.put("type", to);
      row.put("bytes", plan.bytes());
      row.put("bits_per_weight", bits);
      row.put("fallback", plan.fallback());
      if (error != null) {
        row.put("error", error);
      }
      rows.add(row);
      return;
    }
    print(
        plan.tensor().name(),
        plan.tensor().shape(),
        from,
        changed ? to + (plan.fallback() ? "*" : "") : "=",
        Memory.show(plan.bytes()),
        String.format(Locale.ROOT, "%.2f", bits),
        changed && error != null ? String.format(Locale.ROOT, "%.5f", error) : "");
  }

  /** The file is complete. */
  void written(Path target, long bytes, List<TensorResult> results, double seconds) {
    totals.put("file", target.toString());
    totals.put("file_bytes", bytes);
    totals.put("seconds", seconds);
    totals.put("quantized", (int) results.stream().filter(r -> r.plan().target() != null).count());
  }

  /** How well the new model predicts a text, beside the old one. */
  void measured(PerplexityRun.Outcome outcome) {
    PerplexityResult result = outcome.result();
    Comparison comparison = result.comparison();
    if (comparison != null) {
      totals.put("perplexity_before", comparison.basePerplexity().value());
      totals.put("perplexity_after", result.perplexity().value());
      totals.put("kl_divergence", comparison.divergence().value());
    }
  }

  /** The totals. */
  void end() throws IOException {
    long before = plans.stream().mapToLong(plan -> plan.tensor().bytes()).sum();
    long after = plans.stream().mapToLong(TensorPlan::bytes).sum();
    long elements = plans.stream().mapToLong(plan -> plan.tensor().shape().elements()).sum();
    double bits = elements == 0 ? 0 : 8.0 * after / elements;
    long fallbacks = plans.stream().filter(TensorPlan::fallback).count();
    if (json) {
      try (Json object = new Json(out)) {
        object.begin();
        object.field("type", type.name());
        for (Map.Entry<String, Object> total : totals.entrySet()) {
          object.field(total.getKey(), total.getValue());
        }
        object.field("bytes_before", before);
        object.field("bytes_after", after);
        object.field("bits_per_weight", bits);
        object.field("fallbacks", fallbacks);
        object.field("tensors", rows);
        object.end();
      }
      return;
    }
    out.print(
        String.format(
            Locale.ROOT,
            "%n%s: %s -> %s, %.2f bits per weight%s%s%n",
            type,
            Memory.show(before),
            Memory.show(after),
            bits,
            totals.get("seconds") instanceof Double seconds
                ? String.format(Locale.ROOT, ", %.1f s", seconds)
                : " (nothing was written)",
            fallbacks == 0
                ? ""
                : "\n* rows are no whole number of blocks of the type meant for them: "
                    + fallbacks
                    + (fallbacks == 1 ? " tensor got another" : " tensors got another")));
    if (totals.get("perplexity_before") instanceof Double measuredBefore
        && totals.get("perplexity_after") instanceof Double measuredAfter
        && totals.get("kl_divergence") instanceof Double divergence) {
      out.print(
          String.format(
              Locale.ROOT,
              "perplexity %.4f -> %.4f (%+.4f), KL divergence %.6f nats%n",
              measuredBefore,
              measuredAfter,
              measuredAfter - measuredBefore,
              divergence));
    }
    out.flush();
  }
}
