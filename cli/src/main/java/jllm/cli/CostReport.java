package jllm.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.train.cost.KnownTraining;
import jllm.train.cost.TrainingCost;

/** Arithmetic about models. */
final class CostReport {
  /** Years below this are told with decimals, or in days. */
  private static final int WHOLE_YEARS = 10;

  private CostReport() {}

  /** A line of the table. */
  record Row(String name, TrainingCost cost) {}

  /**
   * Times of training.
   *
   * @param withKnown whether models whose training is known follow
   */
  static Finding ofTraining(List<Row> rows, boolean withKnown, double flopsPerSecond) {
    List<Row> all = new ArrayList<>(rows);
    if (withKnown) {
      for (KnownTraining known : KnownTraining.values()) {
        all.add(new Row(known.title(), known.cost()));
      }
    }
    String text =
        new Table<Row>()
            .left("model", Row::name)
            .right("parameters", row -> Count.show(row.cost.parameters()))
            .right("tokens", row -> Count.show(row.cost.tokens()))
            .right("epochs", row -> Count.trimmed(row.cost.epochs()))
            .right("FLOP", row -> String.format(Locale.ROOT, "%.3g", row.cost.flops()))
            .right(
                "time at " + Count.show(flopsPerSecond).replace(" B", " G") + "FLOP/s",
                row -> time(row.cost.years(flopsPerSecond)))
            .text(all);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("flops_per_second", flopsPerSecond);
    json.put("training", all.stream().map(row -> describe(row, flopsPerSecond)).toList());
    return new Finding(text + "FLOP = 6 * parameters * tokens * epochs; years of 365 days\n", json);
  }

  private static Map<String, Object> describe(Row row, double flopsPerSecond) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", row.name);
    values.put("parameters", row.cost.parameters());
    values.put("tokens", row.cost.tokens());
    values.put("epochs", row.cost.epochs());
    values.put("flop", row.cost.flops());
    values.put("seconds", row.cost.seconds(flopsPerSecond));
    values.put("years", row.cost.years(flopsPerSecond));
    return values;
  }

  /** Whole years, of which three digits count; less than ten with decimals. */
  static String time(double years) {
    if (years >= WHOLE_YEARS) {
      double unit = Math.pow(10, Math.max(0, Math.floor(Math.log10(years)) - 2));
      return String.format(Locale.ROOT, "%,.0f years", Math.round(years / unit) * unit);
    }
    double days = years * TrainingCost.YEAR_SECONDS / 86_400;
    if (years >= 1) {
      return String.format(Locale.ROOT, "%.1f years", years);
    }
    if (days >= 1) {
      return String.format(Locale.ROOT, "%.3g days", days);
    }
    return days * 24 >= 1
        ? String.format(Locale.ROOT, "%.3g hours", days * 24)
        : String.format(Locale.ROOT, "%.3g seconds", days * 86_400);
  }

  /** Linear layers one after the other, each with a bias for each of its outputs. */
  static Finding ofLayers(int[] widths) {
    long weights = 0;
    long biases = 0;
    for (int i = 1; i < widths.length; i++) {
      weights = Math.addExact(weights, (long) widths[i - 1] * widths[i]);
      biases += widths[i];
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("layers", widths);
    json.put("weights", weights);
    json.put("biases", biases);
    json.put("parameters", Math.addExact(weights, biases));
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("weights", String.format(Locale.ROOT, "%,d", weights));
    facts.put("biases", String.format(Locale.ROOT, "%,d", biases));
    facts.put("parameters", String.format(Locale.ROOT, "%,d", weights + biases));
    return new Finding(Facts.text(facts), json);
  }
}
