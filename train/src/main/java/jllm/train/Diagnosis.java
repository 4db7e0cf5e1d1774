package jllm.train;

import java.util.List;
import java.util.function.IntToLongFunction;
import jllm.tensor.grad.AnomalyException;
import jllm.train.data.TokenBatch;

/** Says why steps have no finite loss, and what to do. */
final class Diagnosis {
  private static final String REMEDY =
      "a lower learning rate, a longer warm-up or stronger gradient clipping";

  private final ModelStep model;
  private final AdamW optimizer;
  private final Progress progress;

  Diagnosis(ModelStep model, AdamW optimizer, Progress progress) {
    this.model = model;
    this.optimizer = optimizer;
    this.progress = progress;
  }

  /** Of steps in a row, from what they left behind. */
  String ofSteps(double loss, double norm, double rate) {
    List<String> names = optimizer.nonFinite();
    return ("%d steps in a row had no finite loss or gradient (%s)%s. Resume from the last"
            + " checkpoint with %s; --detect-anomaly says in which operation it begins")
        .formatted(
            progress.nonFinite,
            numbers(loss, norm, rate),
            names.isEmpty() ? "" : "; not finite are " + String.join(", ", names),
            REMEDY);
  }

  /**
   * Of one step, by doing it again and looking at each operation.
   *
   * @param batches of the step
   * @param factor on their losses
   * @param seeds of their dropout
   */
  String ofStep(
      double loss,
      double norm,
      double rate,
      TokenBatch[] batches,
      float factor,
      IntToLongFunction seeds) {
    String begin = "the loss or gradient is not finite any more (" + numbers(loss, norm, rate);
    if (!Float.isFinite(factor)) {
      return begin + "): no token of the step is learned. Look at the data with data-check";
    }
    for (int i = 0; i < batches.length; i++) {
      AnomalyException found = model.findAnomaly(batches[i], factor, seeds.applyAsLong(i));
      if (found != null) {
        return begin
            + "). The first such number came in "
            + found.getMessage()
            + ". "
            + advice(found.isInherited());
      }
    }
    return begin
        + "), but was when the step was computed again: its numbers depend on more than the data,"
        + " which they should not; look at the machine's memory, or compute on another device";
  }

  private String advice(boolean inherited) {
    if (!inherited) {
      return "So the numbers grew too large: resume from the last checkpoint with " + REMEDY;
    }
    return progress.updates == 0
        ? "So the weights were damaged before the first update: look at the model's file"
        : "So an earlier update damaged the weights: resume from a checkpoint before it with "
            + REMEDY;
  }

  private String numbers(double loss, double norm, double rate) {
    String before =
        Double.isNaN(progress.lastLoss) ? "" : "; the last finite loss was " + progress.lastLoss;
    return "step %d: loss %s, gradient norm %s, learning rate %s%s"
        .formatted(progress.step, loss, norm, rate, before);
  }
}
