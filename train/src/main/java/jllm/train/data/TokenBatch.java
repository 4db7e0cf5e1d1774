package jllm.train.data;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Whole sequences of tokens, each with the token that follows: B sequences of T, one after the
 * other. The arrays are filled again for each batch.
 */
public final class TokenBatch {
  private final int length;
  private final int[] window;
  private final int[] ids;
  private final int[] targets;
  private final int[] starts;
  private int sequences;

  /**
   * @param maxSequences B at most
   * @param length T
   */
  public TokenBatch(int maxSequences, int length) {
    this.length = length;
    int rows = Math.multiplyExact(maxSequences, length);
    this.window = new int[length + 1];
    this.ids = new int[rows];
    this.targets = new int[rows];
    this.starts = new int[rows];
  }

  /** A full batch of random tokens, to measure with. */
  public static TokenBatch random(int sequences, int length, int vocabulary, long seed) {
    TokenBatch batch = new TokenBatch(sequences, length);
    SplittableRandom random = new SplittableRandom(seed);
    Arrays.setAll(batch.ids, _ -> random.nextInt(vocabulary));
    Arrays.setAll(batch.targets, _ -> random.nextInt(vocabulary));
    batch.sequences = sequences;
    return batch;
  }

  /** T. */
  public int length() {
    return length;
  }

  /** The most sequences. */
  public int maxSequences() {
    return ids.length / length;
  }

  /** B. */
  public int sequences() {
    return sequences;
  }

  /** B * T. */
  public int rows() {
    return sequences * length;
  }

  /** [B * T]. */
  public int[] ids() {
    return ids;
  }

  /** [B * T]: what follows each. */
  public int[] targets() {
    return targets;
  }

  /** [B * T]: the first position of each token's document in its sequence. */
  public int[] starts() {
    return starts;
  }

  void clear() {
    sequences = 0;
  }

  /** Adds the T tokens from {@code index} on, and the one after them. */
  void add(Tokens tokens, long index, int separator, int vocabulary) {
    tokens.copy(index, window, 0, length + 1, vocabulary);
    int at = sequences * length;
    System.arraycopy(window, 0, ids, at, length);
    System.arraycopy(window, 1, targets, at, length);
    if (separator < 0) {
      Arrays.fill(starts, at, at + length, 0);
    } else {
      int start = 0;
      for (int t = 0; t < length; t++) {
        start = window[t] == separator ? t : start;
        starts[at + t] = start;
      }
    }
    sequences++;
  }
}
