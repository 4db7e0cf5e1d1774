package jllm.train;

/**
 * What goes into one step.
 *
 * @param batchSize B, sequences that are computed at once
 * @param sequenceLength T, tokens of each
 * @param accumulation batches whose gradients are added up for one step
 */
public record BatchOptions(int batchSize, int sequenceLength, int accumulation) {

  public BatchOptions {
    check("the batch size", batchSize);
    check("the sequence length", sequenceLength);
    check("the number of accumulated batches", accumulation);
    if ((long) batchSize * sequenceLength > Integer.MAX_VALUE / 2) {
      throw new SettingsException(
          batchSize + " sequences of " + sequenceLength + " tokens at once make no sense");
    }
  }

  /**
   * As many batches as a step of {@code totalTokens} tokens takes.
   *
   * @throws SettingsException if that is no whole number
   */
  public static BatchOptions ofTotalTokens(int batchSize, int sequenceLength, long totalTokens) {
    BatchOptions one = new BatchOptions(batchSize, sequenceLength, 1);
    long tokens = one.tokensPerBatch();
    if (totalTokens < tokens || totalTokens % tokens != 0 || totalTokens / tokens > 1 << 20) {
      long near = Math.max(1, Math.round((double) totalTokens / tokens)) * tokens;
      throw new SettingsException(
          "%d tokens a step are no multiple of %d sequences of %d tokens (%d); the nearest is %d"
              .formatted(totalTokens, batchSize, sequenceLength, tokens, near));
    }
    return new BatchOptions(batchSize, sequenceLength, (int) (totalTokens / tokens));
  }

  /** B * T. */
  public int tokensPerBatch() {
    return batchSize * sequenceLength;
  }

  /** Tokens that one step learns from. */
  public long tokensPerStep() {
    return (long) tokensPerBatch() * accumulation;
  }

  private static void check(String what, int value) {
    if (value < 1) {
      throw new SettingsException(what + " is " + value + ", expected at least 1");
    }
  }
}
