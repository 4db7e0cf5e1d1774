package jllm.train;

/** How long a run lasts. */
public sealed interface Horizon {

  /**
   * The number of steps.
   *
   * @param tokensPerStep that a step learns from
   * @param dataTokens tokens of the training data
   */
  long steps(long tokensPerStep, long dataTokens);

  /** So many steps. */
  record Steps(long count) implements Horizon {
    public Steps {
      check(count > 0, count + " steps");
    }

    @Override
    public long steps(long tokensPerStep, long dataTokens) {
      return count;
    }
  }

  /** At least so many tokens. */
  record Tokens(long count) implements Horizon {
    public Tokens {
      check(count > 0, count + " tokens");
    }

    @Override
    public long steps(long tokensPerStep, long dataTokens) {
      return Math.ceilDiv(count, tokensPerStep);
    }
  }

  /** As many tokens as the training data have, so many times. */
  record Epochs(double count) implements Horizon {
    public Epochs {
      check(count > 0 && count < 1e9, count + " epochs");
    }

    @Override
    public long steps(long tokensPerStep, long dataTokens) {
      return Math.max(1, (long) Math.floor(count * dataTokens / tokensPerStep));
    }
  }

  private static void check(boolean valid, String what) {
    if (!valid) {
      throw new SettingsException("a run of " + what + ", expected more than 0");
    }
  }
}
