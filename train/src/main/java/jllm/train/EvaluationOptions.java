package jllm.train;

/**
 * When a model is measured on the validation data.
 *
 * @param every steps between measurements, before steps 0, every, 2 every... and at the end; 0 =
 *     never
 * @param batches of each, the same ones every time: the first of the data; 0 = all
 */
public record EvaluationOptions(long every, int batches) {
  public static final EvaluationOptions NEVER = new EvaluationOptions(0, 0);

  public EvaluationOptions {
    if (every < 0 || batches < 0) {
      throw new SettingsException(
          "an evaluation every "
              + every
              + " steps over "
              + batches
              + " batches, expected 0 or more");
    }
  }
}
