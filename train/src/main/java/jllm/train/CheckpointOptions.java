package jllm.train;

/**
 * When a run is saved.
 *
 * @param every steps between checkpoints besides the one at the end; 0 = that one alone
 * @param keep the newest so many are kept; 0 = all
 * @param keepBest whether the one with the least validation loss is kept beside them
 */
public record CheckpointOptions(long every, int keep, boolean keepBest) {
  public static final CheckpointOptions AT_END = new CheckpointOptions(0, 0, false);

  public CheckpointOptions {
    if (every < 0 || keep < 0) {
      throw new SettingsException(
          "a checkpoint every "
              + every
              + " steps, of which "
              + keep
              + " are kept; expected 0 or"
              + " more");
    }
  }
}
