package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;

/**
 * Attention of single queries, as in decoding: keys and values are read once, in the order in which
 * they lie in memory, for all heads. The queries and the keys of each form one line that is cut
 * into equal shares; a query that is cut is put together afterwards from the partial softmaxes of
 * the threads (Dao et al. 2023, Flash-Decoding).
 */
final class RowAttention implements Workers.Task, AutoCloseable {
  /** Keys between two updates of the largest score. */
  private static final int KEYS = 64;

  /** Keys of which one head after the other is read: few, so that memory is read in order. */
  private static final int NEAR = 16;

  private static final long SCORE_ROW = 4L * KEYS;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 17;

  private final Workers workers;
  private final AttentionCall call;
  private final Scratch scratch = new Scratch();
  private MemorySegment work = MemorySegment.NULL;

  private int headDim;
  private int kvHeads;
  private int group;

  /** Query heads that share a key head, filled up with zeros to whole pairs. */
  private int padded;

  /** Queries. */
  private int rows;

  /** Keys of a query on the line; some see less. */
  private int length;

  // Memory: for each thread the queries and scores of its heads, then for each thread and query the
  // state of its heads: sums of values, largest score, sum of exponentials.
  private long scoresAt;

  /** Some keys or values in float32, where they are stored in another type. */
  private long plainAt;

  private long threadBytes;
  private long statesAt;
  private long largestAt;
  private long sumAt;
  private long stateBytes;

  RowAttention(Workers workers, AttentionCall call) {
    this.workers = workers;
    this.call = call;
  }

  void run() {
    headDim = call.spec.headDim();
    kvHeads = call.spec.kvHeads();
    group = call.spec.groupSize();
    padded = group == 1 ? 1 : (group + 1) / 2 * 2;
    rows = call.sequences * call.steps;
    length = 0;
    for (int step = 0; step < call.steps; step++) {
      length = Math.max(length, call.endKey(step) - call.firstKey(0, step));
    }
    long multiplications = (long) rows * length * call.queryColumns;
    int parts = multiplications < SMALL ? 1 : workers.count();
    layOut(parts);
    work = scratch.reserve(statesAt + (long) parts * rows * stateBytes);
    if (parts == 1) {
      run(0, 1);
    } else {
      workers.run(this);
    }
    for (int row = 0; row < rows; row++) {
      gather(row, parts);
    }
  }

  private void layOut(int parts) {
    int heads = kvHeads * padded;
    scoresAt = Scratch.align(4L * heads * headDim);
    plainAt = Scratch.align(scoresAt + SCORE_ROW * heads);
    boolean plain = call.keyType == DType.F32 && call.valueType == DType.F32;
    threadBytes = plainAt + (plain ? 0 : Scratch.align(4L * NEAR * call.keyColumns));
    statesAt = parts * threadBytes;
    largestAt = 4L * heads * headDim;
    sumAt = largestAt + 4L * heads;
    stateBytes = Scratch.align(sumAt + 4L * heads);
  }

  /** Where on the line the share of a part begins. */
  private long share(int part, int parts) {
    return (long) rows * length * part / parts;
  }

  private long state(int part, int row) {
    return statesAt + ((long) part * rows + row) * stateBytes;
  }

  @Override
  public void run(int part, int parts) {
    long from = share(part, parts);
    long to = share(part + 1, parts);
    while (from < to) {
      int row = (int) (from / length);
      int start = (int) (from % length);
      int end = (int) Math.min(length, start + to - from);
      attend(part * threadBytes, state(part, row), row, start, end);
      from += end - start;
    }
  }

  /** The keys start..end-1 of those that a query sees. */
  private void attend(long queries, long state, int row, int start, int end) {
    int sequence = row / call.steps;
    int step = row % call.steps;
    int first = call.firstKey(sequence, step);
    int to = Math.min(call.endKey(step), first + end);
    begin(queries, state, sequence, step);
    long scores = queries + scoresAt;
    for (int key = first + start; key < to; key += KEYS) {
      int keys = Math.min(KEYS, to - key);
      scores(queries, call.keyAt(sequence, key, 0), scores, keys);
      for (int head = 0; head < kvHeads * padded; head++) {
        if (head % padded < group) {
          softmax(state, head, scores + SCORE_ROW * head, keys);
        }
      }
      values(state, queries + plainAt, call.valueAt(sequence, key, 0), scores, keys);
    }
  }

  /** Copies the query, scaled, and clears the state. */
  private void begin(long queries, long state, int sequence, int step) {
    for (int head = 0; head < kvHeads * padded; head++) {
      long to = 4L * head * headDim;
      if (head % padded < group) {
        long from = call.queryAt(sequence, step, head / padded * group + head % padded);
        RowLoops.combine(work, queries + to, call.q, from, headDim, call.spec.scale(), false);
      } else {
        PackLoops.clear(work, queries + to, 1, headDim);
      }
      PackLoops.clear(work, state + to, 1, headDim);
      work.set(JAVA_FLOAT, state + largestAt + 4L * head, TileLoops.LEAST);
      work.set(JAVA_FLOAT, state + sumAt + 4L * head, 0);
    }
  }

  private void scores(long queries, long at, long scores, int keys) {
    long stride = 4L * call.keyColumns;
    long headBytes = 4L * headDim;
    int wide = padded == 1 ? 0 : headDim - headDim % RowLoops.WIDE;
    PackLoops.clear(work, scores, 1, kvHeads * padded * KEYS);
    for (int j = 0; j < keys; j += NEAR) {
      int near = Math.min(NEAR, keys - j);
      boolean stored = call.keyType == DType.F32;
      MemorySegment ks = stored ? call.k : work;
      long first = stored ? at + j * stride : queries + plainAt;
      if (!stored) {
        decode(call.keyType, call.k, at, j, near, first);
      }
      for (int head = 0; head < kvHeads * padded; head += padded == 1 ? 1 : 2) {
        long key = first + headBytes * (head / padded);
        long query = queries + headBytes * head;
        long to = scores + SCORE_ROW * head + 4L * j;
        for (int d = 0; d < wide; d += RowLoops.WIDE) {
          RowLoops.scores2(
              work, query + 4L * d, headBytes, ks, key + 4L * d, stride, near, to, SCORE_ROW);
        }
        for (int h = 0; wide < headDim && h < Math.min(2, padded); h++) {
          long from = query + headBytes * h + 4L * wide;
          RowLoops.scores1(
              work, from, ks, key + 4L * wide, stride, near, headDim - wide, to + SCORE_ROW * h);
        }
      }
    }
  }

  /** Turns scores into exponentials, and scales the sums of values to the largest score so far. */
  private void softmax(long state, int head, long scores, int keys) {
    if (call.spec.softCap() > 0) {
      RowLoops.softCap(work, scores, keys, call.spec.softCap());
    }
    long largest = state + largestAt + 4L * head;
    long sum = state + sumAt + 4L * head;
    float before = work.get(JAVA_FLOAT, largest);
    float now = Math.max(before, SoftmaxLoops.largest(work, scores, keys));
    float factor = now == before ? 1 : (float) Math.exp(before - now);
    float added = SoftmaxLoops.exponentials(work, work, scores, keys, now);
    work.set(JAVA_FLOAT, largest, now);
    work.set(JAVA_FLOAT, sum, work.get(JAVA_FLOAT, sum) * factor + added);
    if (factor != 1) {
      long result = state + 4L * head * headDim;
      RowLoops.combine(work, result, work, result, headDim, factor, false);
    }
  }

  /** Brings the rows from..from+count-1 of those that begin at {@code at} into float32. */
  private void decode(DType type, MemorySegment rows, long at, int from, int count, long target) {
    long row = type.bytes(call.keyColumns);
    CacheRows.read(type, rows, at + from * row, work, target, count * call.keyColumns);
  }

  private void values(long state, long plain, long at, long scores, int keys) {
    long stride = 4L * call.keyColumns;
    long headBytes = 4L * headDim;
    int wide = padded == 1 ? 0 : headDim - headDim % RowLoops.WIDE;
    for (int j = 0; j < keys; j += NEAR) {
      int near = Math.min(NEAR, keys - j);
      boolean stored = call.valueType == DType.F32;
      MemorySegment vs = stored ? call.v : work;
      long first = stored ? at + j * stride : plain;
      if (!stored) {
        decode(call.valueType, call.v, at, j, near, first);
      }
      for (int head = 0; head < kvHeads * padded; head += padded == 1 ? 1 : 2) {
        long value = first + headBytes * (head / padded);
        long result = state + headBytes * head;
        long from = scores + SCORE_ROW * head + 4L * j;
        for (int d = 0; d < wide; d += RowLoops.WIDE) {
          RowLoops.values2(
              work, result + 4L * d, headBytes, vs, value + 4L * d, stride, near, from, SCORE_ROW);
        }
        for (int h = 0; wide < headDim && h < Math.min(2, padded); h++) {
          long to = result + headBytes * h + 4L * wide;
          RowLoops.values1(
              work, to, vs, value + 4L * wide, stride, near, headDim - wide, from + SCORE_ROW * h);
        }
      }
    }
  }

  /** Adds up the states that the parts left of a query, and writes the result. */
  private void gather(int row, int parts) {
    long from = (long) row * length;
    for (int head = 0; head < kvHeads * padded; head++) {
      if (head % padded < group) {
        long target =
            call.queryAt(row / call.steps, row % call.steps, head / padded * group + head % padded);
        gather(row, head, from, target, parts);
      }
    }
  }

  private void gather(int row, int head, long from, long target, int parts) {
    float largest = TileLoops.LEAST;
    for (int part = 0; part < parts; part++) {
      if (took(part, parts, from)) {
        largest = Math.max(largest, work.get(JAVA_FLOAT, state(part, row) + largestAt + 4L * head));
      }
    }
    float sum = 0;
    for (int part = 0; part < parts; part++) {
      if (took(part, parts, from)) {
        sum +=
            weight(part, row, head, largest)
                * work.get(JAVA_FLOAT, state(part, row) + sumAt + 4L * head);
      }
    }
    boolean began = false;
    for (int part = 0; part < parts; part++) {
      if (took(part, parts, from)) {
        long result = state(part, row) + 4L * head * headDim;
        float factor = weight(part, row, head, largest) / sum;
        RowLoops.combine(call.out, target, work, result, headDim, factor, began);
        began = true;
      }
    }
  }

  private float weight(int part, int row, int head, float largest) {
    return (float)
        Math.exp(work.get(JAVA_FLOAT, state(part, row) + largestAt + 4L * head) - largest);
  }

  /** Whether a part had keys of the query that begins at {@code from}. */
  private boolean took(int part, int parts, long from) {
    long start = Math.max(from, share(part, parts));
    return start < Math.min(from + length, share(part + 1, parts));
  }

  @Override
  public void close() {
    scratch.close();
  }
}
