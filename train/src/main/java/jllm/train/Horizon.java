package jllm.train;

import jllm.train.data.TrainingData;

/** How long a run lasts. */
public sealed interface Horizon {

  /**
   * The number of steps.
   *
   * @throws DataException if the data are too few for a batch
   */
  long steps(BatchOptions batch, TrainingData data);

  /** So many steps. */
  record Steps(long count) implements Horizon {
    public Steps {
      check(count > 0, count + " steps");
    }

    @Override
    public long steps(BatchOptions batch, TrainingData data) {
      return count;
    }
  }

  /** At least so many tokens. */
  record Tokens(long count) implements Horizon {
    public Tokens {
      check(count > 0, count + " tokens");
    }

    @Override
    public long steps(BatchOptions batch, TrainingData data) {
      return Math.max(1, (long) Math.ceil(count / data.tokensPerStep(batch)));
    }
  }

  /** As many tokens as the training data have, so many times. */
  record Epochs(double count) implements Horizon {
    public Epochs {
      check(count > 0 && count < 1e9, count + " epochs");
    }

    @Override
    public long steps(BatchOptions batch, TrainingData data) {
      return data.steps(count, batch);
    }
  }

  private static void check(boolean valid, String what) {
    if (!valid) {
      throw new SettingsException("a run of " + what + ", expected more than 0");
    }
  }
}
