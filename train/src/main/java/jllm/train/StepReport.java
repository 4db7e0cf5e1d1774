package jllm.train;

/**
 * What one step did.
 *
 * @param step counted from 0
 * @param loss mean cross-entropy of the step's tokens in nats, before its update
 * @param learningRate of its update
 * @param gradientNorm L2 norm of all gradients before clipping
 * @param tokens read in the run so far, this step included
 * @param trained those of them that were to be predicted
 * @param seconds it took
 * @param tokensPerSecond of this step
 * @param trainedPerSecond those of them that were to be predicted
 * @param skipped why the weights stayed as they were
 */
public record StepReport(
    long step,
    double loss,
    double learningRate,
    double gradientNorm,
    long tokens,
    long trained,
    double seconds,
    double tokensPerSecond,
    double trainedPerSecond,
    Skipped skipped) {

  /** Why a step was left out. */
  public enum Skipped {
    NO,
    /** Its loss or gradient was no finite number. */
    NON_FINITE,
    /** Its loss was far above those before. */
    SPIKE
  }
}
