package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Attention of single queries, as in decoding: keys and values are read once for all heads that
 * share them. The pairs of a query and a key head, and their keys, form one line that is cut into
 * equal shares; a pair that is cut is put together afterwards from the partial softmaxes of the
 * threads (Dao et al. 2023, Flash-Decoding).
 */
final class RowAttention implements Workers.Task, AutoCloseable {
  /** Keys between two updates of the largest score. */
  private static final int KEYS = 256;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 16;

  private final Workers workers;
  private final AttentionCall call;
  private final Scratch scratch = new Scratch();
  private MemorySegment work = MemorySegment.NULL;

  private int headDim;
  private int group;

  /** Pairs of a query and a key head. */
  private int pairs;

  /** Keys of a pair in the line; some pairs use less. */
  private int length;

  // Memory: for each thread the scores of a block, then for each thread and pair the state of its
  // heads:
  // [group] sums of values, [group] largest scores, [group] sums of exponentials.
  private long scoreBytes;
  private long statesAt;
  private long stateBytes;
  private long largestAt;
  private long sumAt;

  RowAttention(Workers workers, AttentionCall call) {
    this.workers = workers;
    this.call = call;
  }

  void run() {
    headDim = call.spec.headDim();
    group = call.spec.groupSize();
    pairs = call.sequences * call.steps * call.spec.kvHeads();
    length = 0;
    for (int step = 0; step < call.steps; step++) {
      length = Math.max(length, call.endKey(step) - call.firstKey(step));
    }
    long multiplications = (long) pairs * group * length * headDim;
    int parts = multiplications < SMALL ? 1 : workers.count();
    scoreBytes = Scratch.align(4L * group * KEYS);
    largestAt = 4L * group * headDim;
    sumAt = largestAt + 4L * group;
    stateBytes = Scratch.align(sumAt + 4L * group);
    statesAt = parts * scoreBytes;
    work = scratch.reserve(statesAt + parts * pairs * stateBytes);
    if (parts == 1) {
      run(0, 1);
    } else {
      workers.run(this);
    }
    for (int pair = 0; pair < pairs; pair++) {
      gather(pair, parts);
    }
  }

  /** Where on the line the share of a part begins. */
  private long share(int part, int parts) {
    return (long) pairs * length * part / parts;
  }

  /** Whether a part had keys of the pair that begins at {@code from}. */
  private boolean took(int part, int parts, long from) {
    long start = Math.max(from, share(part, parts));
    return start < Math.min(from + length, share(part + 1, parts));
  }

  private long state(int part, int pair) {
    return statesAt + ((long) part * pairs + pair) * stateBytes;
  }

  @Override
  public void run(int part, int parts) {
    long from = share(part, parts);
    long to = share(part + 1, parts);
    while (from < to) {
      int pair = (int) (from / length);
      int start = (int) (from % length);
      int end = (int) Math.min(length, start + to - from);
      attend(state(part, pair), part * scoreBytes, pair, start, end);
      from += end - start;
    }
  }

  /** The keys start..end-1 of those that the query of a pair sees. */
  private void attend(long state, long scores, int pair, int start, int end) {
    int kvHead = pair % call.spec.kvHeads();
    int row = pair / call.spec.kvHeads();
    int sequence = row / call.steps;
    int step = row % call.steps;
    int first = call.firstKey(step);
    int to = Math.min(call.endKey(step), first + end);
    long query = call.queryAt(sequence, step, kvHead * group);
    clear(state);
    for (int key = first + start; key < to; key += KEYS) {
      int keys = Math.min(KEYS, to - key);
      long at = call.keyAt(sequence, key, kvHead);
      scores(query, at, scores, keys);
      softmax(state, scores, keys);
      values(state, at, scores, keys);
    }
  }

  private void clear(long state) {
    for (long at = state; at < state + largestAt; at += 4) {
      work.set(JAVA_FLOAT, at, 0);
    }
    for (int g = 0; g < group; g++) {
      work.set(JAVA_FLOAT, state + largestAt + 4L * g, TileSoftmax.LEAST);
      work.set(JAVA_FLOAT, state + sumAt + 4L * g, 0);
    }
  }

  private void scores(long query, long key, long scores, int keys) {
    long stride = 4L * call.keyColumns;
    float scale = call.spec.scale();
    int g = 0;
    for (; g <= group - 4; g += 4) {
      long from = query + 4L * g * headDim;
      long to = scores + 4L * g * KEYS;
      RowKernels.scores4(
          call.q, from, call.k, key, stride, keys, headDim, scale, work, to, 4L * KEYS);
    }
    for (; g < group; g++) {
      long from = query + 4L * g * headDim;
      long to = scores + 4L * g * KEYS;
      RowKernels.scores1(call.q, from, call.k, key, stride, keys, headDim, scale, work, to);
    }
  }

  /** Turns scores into exponentials, and scales the sums of values to the largest score so far. */
  private void softmax(long state, long scores, int keys) {
    for (int g = 0; g < group; g++) {
      long row = scores + 4L * g * KEYS;
      if (call.spec.softCap() > 0) {
        RowKernels.softCap(work, row, keys, call.spec.softCap());
      }
      long largest = state + largestAt + 4L * g;
      long sum = state + sumAt + 4L * g;
      float before = work.get(JAVA_FLOAT, largest);
      float now = Math.max(before, Softmax.largest(work, row, keys));
      float factor = (float) Math.exp(before - now);
      float added = Softmax.exponentials(work, work, row, keys, now);
      work.set(JAVA_FLOAT, largest, now);
      work.set(JAVA_FLOAT, sum, work.get(JAVA_FLOAT, sum) * factor + added);
      if (factor != 1) {
        RowKernels.scale(work, state + 4L * g * headDim, headDim, factor);
      }
    }
  }

  private void values(long state, long value, long scores, int keys) {
    long stride = 4L * call.keyColumns;
    int g = 0;
    for (; g <= group - 4; g += 4) {
      long to = state + 4L * g * headDim;
      long from = scores + 4L * g * KEYS;
      RowKernels.values4(work, to, call.v, value, stride, keys, headDim, from, 4L * KEYS);
    }
    for (; g < group; g++) {
      long to = state + 4L * g * headDim;
      long from = scores + 4L * g * KEYS;
      RowKernels.values1(work, to, call.v, value, stride, keys, headDim, from);
    }
  }

  /** Adds up the states that the parts left of a pair, and writes the result. */
  private void gather(int pair, int parts) {
    long from = (long) pair * length;
    int kvHead = pair % call.spec.kvHeads();
    int row = pair / call.spec.kvHeads();
    long target = call.queryAt(row / call.steps, row % call.steps, kvHead * group);
    for (int g = 0; g < group; g++) {
      float largest = TileSoftmax.LEAST;
      for (int part = 0; part < parts; part++) {
        if (took(part, parts, from)) {
          largest = Math.max(largest, work.get(JAVA_FLOAT, state(part, pair) + largestAt + 4L * g));
        }
      }
      float sum = 0;
      for (int part = 0; part < parts; part++) {
        if (took(part, parts, from)) {
          long state = state(part, pair);
          float factor =
              (float) Math.exp(work.get(JAVA_FLOAT, state + largestAt + 4L * g) - largest);
          sum += factor * work.get(JAVA_FLOAT, state + sumAt + 4L * g);
        }
      }
      boolean began = false;
      for (int part = 0; part < parts; part++) {
        if (took(part, parts, from)) {
          long state = state(part, pair);
          float factor =
              (float) Math.exp(work.get(JAVA_FLOAT, state + largestAt + 4L * g) - largest);
          long to = target + 4L * g * headDim;
          long source = state + 4L * g * headDim;
          RowKernels.combine(call.out, to, work, source, headDim, factor / sum, began);
          began = true;
        }
      }
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
