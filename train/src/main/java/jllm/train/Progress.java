package jllm.train;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFormatException;
import org.jspecify.annotations.Nullable;

/** How far a run is: all of its state besides weights, moments and the position in the data. */
final class Progress {
  long step;

  /** Steps that changed the weights. */
  long updates;

  long tokens;

  /** Tokens that were to be predicted. */
  long trained;

  long skipped;

  /** Steps in a row without a finite loss. */
  int nonFinite;

  double lastLoss = Double.NaN;

  /** Of the first measurement. */
  double firstLoss = Double.NaN;

  double bestLoss = Double.NaN;
  long bestStep = -1;

  /** Measurements since the best one. */
  int worse;

  /** The step before which the model was measured last, -1 = never. */
  long evaluatedAt = -1;

  /** The step before which the model wrote a text last, -1 = never. */
  long sampledAt = -1;

  /** Of the last measurement. */
  double valLoss = Double.NaN;

  double bitsPerByte = Double.NaN;
  long valTokens;

  /** The newest losses, oldest first. */
  final Deque<Double> losses = new ArrayDeque<>();

  void addLoss(double loss, int window) {
    losses.addLast(loss);
    while (losses.size() > window) {
      losses.removeFirst();
    }
  }

  /**
   * How many standard deviations a loss is above the mean of the newest ones; 0 with few of them.
   */
  double deviations(double loss, int window) {
    if (losses.size() < window / 2) {
      return 0;
    }
    double mean = losses.stream().mapToDouble(Double::doubleValue).sum() / losses.size();
    double squares = losses.stream().mapToDouble(x -> (x - mean) * (x - mean)).sum();
    double deviation = Math.sqrt(squares / losses.size());
    return deviation == 0 ? 0 : (loss - mean) / deviation;
  }

  @Nullable EvaluationReport lastEvaluation() {
    return evaluatedAt < 0
        ? null
        : new EvaluationReport(
            evaluatedAt, valLoss, bitsPerByte, valTokens, bestStep == evaluatedAt);
  }

  Map<String, @Nullable Object> toJson() {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("step", step);
    json.put("updates", updates);
    json.put("tokens", tokens);
    json.put("trained_tokens", trained);
    json.put("skipped", skipped);
    json.put("non_finite", nonFinite);
    json.put("last_loss", number(lastLoss));
    json.put("first_val_loss", number(firstLoss));
    json.put("best_loss", number(bestLoss));
    json.put("best_step", bestStep);
    json.put("measured_since_best", worse);
    json.put("evaluated_at", evaluatedAt);
    json.put("sampled_at", sampledAt);
    json.put("val_loss", number(valLoss));
    json.put("bits_per_byte", number(bitsPerByte));
    json.put("val_tokens", valTokens);
    json.put("losses", List.copyOf(losses));
    return json;
  }

  private static @Nullable Double number(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /**
   * Reads {@link #toJson}.
   *
   * @param file for messages
   * @throws ModelFormatException if something is missing
   */
  static Progress of(String file, Map<?, ?> json) {
    Progress progress = new Progress();
    progress.step = integer(file, json, "step");
    progress.updates = integer(file, json, "updates");
    progress.tokens = integer(file, json, "tokens");
    progress.trained =
        json.get("trained_tokens") == null
            ? progress.tokens
            : integer(file, json, "trained_tokens");
    progress.skipped = integer(file, json, "skipped");
    progress.nonFinite = (int) integer(file, json, "non_finite");
    progress.lastLoss = real(json.get("last_loss"));
    progress.firstLoss = real(json.get("first_val_loss"));
    progress.bestLoss = real(json.get("best_loss"));
    progress.bestStep = integer(file, json, "best_step");
    progress.worse =
        json.get("measured_since_best") == null
            ? 0
            : (int) integer(file, json, "measured_since_best");
    progress.evaluatedAt = integer(file, json, "evaluated_at");
    progress.sampledAt = integer(file, json, "sampled_at");
    progress.valLoss = real(json.get("val_loss"));
    progress.bitsPerByte = real(json.get("bits_per_byte"));
    progress.valTokens = integer(file, json, "val_tokens");
    if (json.get("losses") instanceof List<?> list) {
      List<Double> losses = new ArrayList<>();
      list.forEach(loss -> losses.add(real(loss)));
      progress.losses.addAll(losses);
    }
    return progress;
  }

  private static long integer(String file, Map<?, ?> json, String key) {
    if (json.get(key) instanceof Long value) {
      return value;
    }
    throw new ModelFormatException(
        file + ": " + key + " is " + json.get(key) + ", expected a whole number");
  }

  private static double real(@Nullable Object value) {
    return value instanceof Number number ? number.doubleValue() : Double.NaN;
  }
}
