package jllm.train;

/**
 * When a model is measured on the validation data.
 *
 * @param every steps between measurements, before steps 0, every, 2 every... and at the end; 0 =
 *     never
 * @param batches of each, the same ones every time: the first of the data; 0 = all
 * @param patience the run ends after so many measurements in a row that are no better than the best
 *     one before (early stopping, Prechelt 1998); 0 = it does not
 */
public record EvaluationOptions(long every, int batches, int patience) {
  public static final EvaluationOptions NEVER = new EvaluationOptions(0, 0);

  public EvaluationOptions {
    if (every < 0 || batches < 0 || patience < 0) {
      throw new SettingsException(
          "an evaluation every %d steps over %d batches, with a patience of %d; expected 0 or more"
              .formatted(every, batches, patience));
    }
    if (patience > 0 && every == 0) {
      throw new SettingsException(
          "early stopping needs measurements: say after how many steps the model is measured");
    }
  }

  /** No early stopping. */
  public EvaluationOptions(long every, int batches) {
    this(every, batches, 0);
  }
}
