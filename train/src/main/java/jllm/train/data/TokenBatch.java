package jllm.train.data;

import java.util.Arrays;
import java.util.SplittableRandom;
import jllm.train.sample.EncodedSample;

/**
 * Tokens with what is to be predicted behind each: B sequences of T, one after the other, or
 * samples of any length, one after the other in a single sequence. The arrays are filled again for
 * each batch.
 */
public final class TokenBatch {
  private final int length;
  private final int[] window;
  private final int[] ids;
  private final int[] targets;
  private final int[] starts;
  private int sequences;
  private int rows;
  private int trained;

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
    batch.rows = sequences * length;
    batch.trained = batch.rows;
    return batch;
  }

  /** T of sequences, the most tokens of a sample. */
  public int length() {
    return length;
  }

  /** The most sequences. */
  public int maxSequences() {
    return ids.length / length;
  }

  /** B; 1 of samples. */
  public int sequences() {
    return sequences;
  }

  /** N: B * T, or the tokens of all samples. */
  public int rows() {
    return rows;
  }

  /** Rows with something to predict. */
  public int trained() {
    return trained;
  }

  /** [N]; what is behind the rows does not count. */
  public int[] ids() {
    return ids;
  }

  /** [N]: what follows each, -1 = it is not to be learned. */
  public int[] targets() {
    return targets;
  }

  /** [N]: the first position of each token's document in its sequence. */
  public int[] starts() {
    return starts;
  }

  void clear() {
    sequences = 0;
    rows = 0;
    trained = 0;
  }

  /** Adds a sample of at most T tokens, behind those that there are, in the same sequence. */
  void add(EncodedSample sample) {
    int start = rows;
    for (int i = 0; i + 1 < sample.length(); i++) {
      ids[rows] = sample.id(i);
      targets[rows] = sample.isLearned(i + 1) ? sample.id(i + 1) : -1;
      starts[rows] = start;
      rows++;
    }
    trained += sample.trained();
    sequences = 1;
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
    rows += length;
    trained += length;
  }
}
