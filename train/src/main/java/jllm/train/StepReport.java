package jllm.train;

/**
 * What one step did.
 *
 * @param step counted from 0
 * @param loss mean cross-entropy of the step's tokens in nats, before its update
 * @param learningRate of its update
 * @param gradientNorm L2 norm of all gradients before clipping
 * @param tokens learned from in the run so far, this step included
 * @param seconds it took
 * @param tokensPerSecond of this step
 * @param skipped why the weights stayed as they were
 */
public record StepReport(
    long step,
    double loss,
    double learningRate,
    double gradientNorm,
    long tokens,
    double seconds,
    double tokensPerSecond,
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
