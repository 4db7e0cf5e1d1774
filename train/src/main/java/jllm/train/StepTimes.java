package jllm.train;

/**
 * Where the time of a step goes, in seconds.
 *
 * @param forward up to the losses, all accumulated batches together
 * @param backward their derivatives, the same
 * @param optimizer norm of the gradient, update of the weights, zeroing
 */
public record StepTimes(double forward, double backward, double optimizer) {
  public double total() {
    return forward + backward + optimizer;
  }
}
