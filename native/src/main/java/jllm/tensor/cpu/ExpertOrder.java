package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Tensor;

/**
 * Rows in the order of the experts that they go to, so that the rows of one expert form one product
 * (a counting sort). The memory is kept between calls.
 */
final class ExpertOrder implements AutoCloseable {
  private final Scratch scratch = new Scratch();
  private MemorySegment work = MemorySegment.NULL;
  private int experts;

  // Memory: the starts of the experts and the end, then the targets, then the sources.
  private long targetsAt;
  private long sourcesAt;

  /**
   * @param chosen I32 [N, U]: pair p = n*U + u goes to expert chosen[p]
   * @param experts E
   * @param pairsPerSource pairs that share a row of the input: U or 1
   */
  void sort(Tensor chosen, int experts, int pairsPerSource) {
    this.experts = experts;
    MemorySegment choice = chosen.segment();
    int pairs = Math.toIntExact(chosen.shape().elements());
    targetsAt = 4L * (experts + 2);
    sourcesAt = targetsAt + 4L * pairs;
    work = scratch.reserve(sourcesAt + 4L * pairs);
    // While counting, entry e + 2 counts expert e; while placing, e + 1 is its next free place,
    // which
    // is in the end where the next one starts.
    for (int e = 0; e < experts + 2; e++) {
      work.set(JAVA_INT, 4L * e, 0);
    }
    for (int pair = 0; pair < pairs; pair++) {
      increment(choice.get(JAVA_INT, 4L * pair) + 2);
    }
    for (int e = 2; e < experts + 2; e++) {
      work.set(JAVA_INT, 4L * e, work.get(JAVA_INT, 4L * e) + work.get(JAVA_INT, 4L * (e - 1)));
    }
    for (int pair = 0; pair < pairs; pair++) {
      int place = increment(choice.get(JAVA_INT, 4L * pair) + 1);
      work.set(JAVA_INT, targetsAt + 4L * place, pair);
      work.set(JAVA_INT, sourcesAt + 4L * place, pair / pairsPerSource);
    }
  }

  private int increment(int entry) {
    int before = work.get(JAVA_INT, 4L * entry);
    work.set(JAVA_INT, 4L * entry, before + 1);
    return before;
  }

  /** The place of the first pair of an expert; that of the next expert is its end. */
  int start(int expert) {
    if (expert < 0 || expert > experts) {
      throw new IndexOutOfBoundsException("expert " + expert + " of " + experts);
    }
    return work.get(JAVA_INT, 4L * expert);
  }

  /** Ints: the pair at each place, and the row of the input that it comes from. */
  MemorySegment indices() {
    return work;
  }

  /** Byte of {@link #indices} at which the pair at a place is. */
  long targetAt(int place) {
    return targetsAt + 4L * place;
  }

  /** Byte of {@link #indices} at which the input row of a place is. */
  long sourceAt(int place) {
    return sourcesAt + 4L * place;
  }

  @Override
  public void close() {
    scratch.close();
  }
}
