package jllm.train.model;

/**
 * Additions and multiplications of a training step for one token, on average over the positions of
 * a sequence. What is computed again instead of kept is not counted.
 *
 * @param backward by inputs and by what is trained
 */
public record TrainingFlops(double forward, double backward) {
  public double total() {
    return forward + backward;
  }
}
