package jllm.train.sample;

import java.util.Arrays;
import java.util.List;
import jllm.generate.chat.ChatTokens.Range;

/**
 * A sample in tokens, and which of them are learned. The first one never is: nothing comes before
 * it that it could be predicted from. In memory a token that is not learned is the complement of
 * its id.
 */
public final class EncodedSample {
  private final int[] coded;
  private final int trained;

  private EncodedSample(int[] coded) {
    this.coded = coded;
    int count = 0;
    for (int i = 1; i < coded.length; i++) {
      count += coded[i] >= 0 ? 1 : 0;
    }
    this.trained = count;
  }

  /**
   * @param learned ranges of tokens that are learned
   */
  static EncodedSample of(int[] ids, List<Range> learned) {
    int[] coded = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      coded[i] = ~ids[i];
    }
    for (Range range : learned) {
      for (int i = range.start(); i < range.end(); i++) {
        coded[i] = ids[i];
      }
    }
    return new EncodedSample(coded);
  }

  /** The number of tokens. */
  public int length() {
    return coded.length;
  }

  /** Tokens that are learned. */
  public int trained() {
    return trained;
  }

  public int id(int index) {
    return coded[index] < 0 ? ~coded[index] : coded[index];
  }

  /** Whether a token is to be learned, though the first one cannot be. */
  public boolean isLearned(int index) {
    return coded[index] >= 0;
  }

  /** All ids. */
  public int[] ids() {
    int[] ids = new int[coded.length];
    Arrays.setAll(ids, this::id);
    return ids;
  }

  /** The first tokens alone. */
  EncodedSample first(int count) {
    return new EncodedSample(Arrays.copyOf(coded, count));
  }

  /** Whether tokens and what is learned of them are the same. */
  @Override
  public boolean equals(Object other) {
    return other instanceof EncodedSample sample && Arrays.equals(coded, sample.coded);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(coded);
  }

  @Override
  public String toString() {
    return length() + " tokens, " + trained + " of them learned";
  }
}
