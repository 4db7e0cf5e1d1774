package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;
import jllm.tensor.Dropout;

/**
 * Attention of many queries, in tiles of {@link #KEYS} keys by {@link GemmKernel#WIDTH} queries
 * with an online softmax (Dao et al. 2022, algorithm 1). The tiles are transposed: a lane of a
 * vector is a query, so that scores, softmax and sums need no operation across lanes, and the
 * scores of a tile are at once the right operand of the product with the values.
 *
 * <p>The queries of a tile are those of all heads that share a key head, position after position.
 */
final class TiledAttention implements Workers.Task, AutoCloseable {
  private static final int WIDTH = GemmKernel.WIDTH;
  private static final int ROWS = GemmKernel.ROWS;

  /** Keys of a tile. */
  private static final int KEYS = 16 * ROWS;

  /** Panels of queries that share the packing of a block of keys. */
  private static final int MOST_PANELS = 8;

  /** Units for each thread, so that their shares are about equal. */
  private static final int UNITS_PER_THREAD = 4;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 16;

  private static final long PANEL_ROW = 4L * WIDTH;

  private final Workers workers;
  private final AttentionCall call;
  private final Scratch scratch = new Scratch();
  private MemorySegment work = MemorySegment.NULL;

  private int headDim;

  /** headDim rounded up to whole strips. */
  private int paddedDim;

  private int group;
  private int panels;
  private int panelsPerUnit;

  // Where things are in the memory of a thread.
  private long keysAt;
  private long valuesAt;
  private long scoresAt;
  private long productAt;

  /** Keys or values of a tile in float32, where they are stored in another type. */
  private long plainAt;

  private long panelsAt;
  private long threadBytes;

  // Where things are in the memory of a panel: queries, result, then a row each.
  private long resultAt;
  private long largestAt;
  private long factorAt;
  private long sumAt;
  private long firstAt;
  private long endAt;
  private long linesAt;
  private long panelBytes;

  TiledAttention(Workers workers, AttentionCall call) {
    this.workers = workers;
    this.call = call;
  }

  void run() {
    headDim = call.spec.headDim();
    paddedDim = (headDim + ROWS - 1) / ROWS * ROWS;
    group = call.spec.groupSize();
    panels = (call.steps * group + WIDTH - 1) / WIDTH;
    long multiplications =
        (long) call.q.byteSize() / 4 * (call.endKey(call.steps - 1) - call.firstKey(0, 0));
    int parts = multiplications < SMALL ? 1 : workers.count();
    panelsPerUnit = Math.min(MOST_PANELS, panels);
    while (panelsPerUnit > 1 && units() < UNITS_PER_THREAD * parts) {
      panelsPerUnit = (panelsPerUnit + 1) / 2;
    }
    layOut();
    work = scratch.reserve(parts * threadBytes);
    if (parts == 1) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  private void layOut() {
    resultAt = PANEL_ROW * headDim;
    largestAt = resultAt + PANEL_ROW * paddedDim;
    factorAt = largestAt + PANEL_ROW;
    sumAt = factorAt + PANEL_ROW;
    firstAt = sumAt + PANEL_ROW;
    endAt = firstAt + PANEL_ROW;
    linesAt = endAt + PANEL_ROW;
    panelBytes = linesAt + PANEL_ROW;
    keysAt = 0;
    valuesAt = keysAt + 4L * KEYS * headDim;
    scoresAt = valuesAt + 4L * KEYS * paddedDim;
    productAt = scoresAt + PANEL_ROW * KEYS;
    plainAt = productAt + PANEL_ROW * ROWS;
    boolean plain = call.keyType == DType.F32 && call.valueType == DType.F32;
    panelsAt = plainAt + (plain ? 0 : Scratch.align(4L * KEYS * headDim));
    threadBytes = panelsAt + panelsPerUnit * panelBytes;
  }

  private int groups() {
    return (panels + panelsPerUnit - 1) / panelsPerUnit;
  }

  private int units() {
    return groups() * call.sequences * call.spec.kvHeads();
  }

  @Override
  public void run(int part, int parts) {
    long base = part * threadBytes;
    int heads = call.sequences * call.spec.kvHeads();
    // Dealt in turn, the last positions first: they see the most keys.
    for (int unit = part; unit < units(); unit += parts) {
      int groupIndex = groups() - 1 - unit / heads;
      int head = unit % heads;
      attend(base, head / call.spec.kvHeads(), head % call.spec.kvHeads(), groupIndex);
    }
  }

  private int step(int query) {
    return Math.min(call.steps - 1, query / group);
  }

  private void attend(long base, int sequence, int kvHead, int groupIndex) {
    int from = groupIndex * panelsPerUnit;
    int to = Math.min(panels, from + panelsPerUnit);
    for (int p = from; p < to; p++) {
      packQueries(base + panelsAt + (p - from) * panelBytes, sequence, kvHead, p * WIDTH);
    }
    int end = call.endKey(step(to * WIDTH - 1));
    for (int key = call.firstKey(sequence, step(from * WIDTH)); key < end; key += KEYS) {
      int keys = Math.min(KEYS, end - key);
      packKeys(base, sequence, kvHead, key, keys);
      packValues(base, sequence, kvHead, key, keys);
      for (int p = from; p < to; p++) {
        long panel = base + panelsAt + (p - from) * panelBytes;
        int seen = Math.min(keys, call.endKey(step(p * WIDTH + WIDTH - 1)) - key);
        if (seen > 0 && key + keys > call.firstKey(sequence, step(p * WIDTH))) {
          tile(base, panel, sequence, p * WIDTH, key, seen);
        }
      }
    }
    for (int p = from; p < to; p++) {
      writeResult(base + panelsAt + (p - from) * panelBytes, sequence, kvHead, p * WIDTH);
    }
  }

  /** Adds the keys key..key+keys-1 to the result of a panel whose first query is {@code query}. */
  private void tile(long base, long panel, int sequence, int query, int key, int keys) {
    long scores = base + scoresAt;
    for (int row = 0; row < keys; row += ROWS) {
      long strip = base + keysAt + 4L * row * headDim;
      GemmKernel.multiply(work, strip, work, panel, work, scores + PANEL_ROW * row, ROWS, headDim);
    }
    if (call.spec.softCap() > 0) {
      TileLoops.softCap(work, scores, keys, call.spec.softCap());
    }
    int lastStep = step(query + WIDTH - 1);
    boolean partly =
        key + keys > call.endKey(step(query)) || key < call.firstKey(sequence, lastStep);
    if (partly) {
      TileLoops.mask(
          work, scores, key, keys, panel + firstAt, panel + endAt, Float.NEGATIVE_INFINITY);
    }
    TileLoops.update(
        work,
        scores,
        keys,
        panel + largestAt,
        panel + factorAt,
        panel + sumAt,
        panel + resultAt,
        headDim);
    Dropout dropout = call.dropout;
    if (dropout != null) {
      // After the softmax: the sums above are those of all weights.
      DropoutLoops.tile(
          work, scores, keys, panel + linesAt, key, dropout.threshold(), dropout.scale());
    }
    long product = base + productAt;
    for (int d = 0; d < paddedDim; d += ROWS) {
      long strip = base + valuesAt + 4L * d * KEYS;
      GemmKernel.multiply(work, strip, work, scores, work, product, ROWS, keys);
      GemmLoops.add(work, panel + resultAt + PANEL_ROW * d, product, ROWS);
    }
  }

  /** {@code panel[d, lane] = scale * q}; lanes without a query are copies of the last one. */
  private void packQueries(long panel, int sequence, int kvHead, int query) {
    float scale = call.spec.scale();
    int last = call.steps * group - 1;
    for (int lane = 0; lane < WIDTH; lane++) {
      int i = Math.min(last, query + lane);
      int step = i / group;
      long source = call.queryAt(sequence, step, kvHead * group + i % group);
      long target = panel + 4L * lane;
      for (int d = 0; d < headDim; d++) {
        work.set(
            JAVA_FLOAT, target + PANEL_ROW * d, scale * call.q.get(JAVA_FLOAT, source + 4L * d));
      }
      for (int d = 0; d < paddedDim; d++) {
        work.set(JAVA_FLOAT, target + resultAt + PANEL_ROW * d, 0);
      }
      work.set(JAVA_FLOAT, target + largestAt, TileLoops.LEAST);
      work.set(JAVA_FLOAT, target + sumAt, 0);
      work.set(JAVA_FLOAT, target + firstAt, call.firstKey(sequence, step));
      work.set(JAVA_FLOAT, target + endAt, call.endKey(step));
      Dropout dropout = call.dropout;
      if (dropout != null) {
        long row = call.weightsRow(sequence, step, kvHead * group + i % group);
        work.set(JAVA_INT, target + linesAt, dropout.rowKey(row));
      }
    }
  }

  /** Strips of keys, {@code strip[d, row] = k}; rows beyond the last are zero. */
  private void packKeys(long base, int sequence, int kvHead, int key, int keys) {
    boolean stored = call.keyType == DType.F32;
    long first = call.keyAt(sequence, key, kvHead);
    MemorySegment ks = stored ? call.k : work;
    long from = stored ? first : decode(call.keyType, call.k, first, keys, base + plainAt);
    long stride = stored ? 4L * call.keyColumns : 4L * headDim;
    long target = base + keysAt;
    for (int row = 0; row < keys; row += ROWS) {
      int present = Math.min(ROWS, keys - row);
      long strip = target + 4L * row * headDim;
      TransposeLoops.transpose(
          ks, from + row * stride, stride, work, strip, 4L * ROWS, present, headDim);
      for (int r = present; r < ROWS; r++) {
        PackLoops.clear(work, strip + 4L * r, ROWS, headDim);
      }
    }
  }

  /** Strips of components, {@code strip[key, row] = v[key, d + row]}. */
  private void packValues(long base, int sequence, int kvHead, int key, int keys) {
    boolean stored = call.valueType == DType.F32;
    long first = call.valueAt(sequence, key, kvHead);
    MemorySegment vs = stored ? call.v : work;
    long from = stored ? first : decode(call.valueType, call.v, first, keys, base + plainAt);
    long stride = stored ? 4L * call.keyColumns : 4L * headDim;
    long target = base + valuesAt;
    int strips = headDim / ROWS;
    PackLoops.deal(vs, from, stride, work, target, 4L * ROWS * KEYS, ROWS, strips, keys);
    int packed = strips * ROWS;
    if (packed < headDim) {
      long strip = target + 4L * packed * KEYS;
      int left = headDim - packed;
      PackLoops.copyPart(vs, from + 4L * packed, stride, work, strip, ROWS, left, keys);
    }
  }

  /** Brings one head of the rows from byte {@code first} on into float32; returns the target. */
  private long decode(DType type, MemorySegment rows, long first, int count, long target) {
    long row = type.bytes(call.keyColumns);
    for (int j = 0; j < count; j++) {
      CacheRows.read(type, rows, first + j * row, work, target + 4L * headDim * j, headDim);
    }
    return target;
  }

  private void writeResult(long panel, int sequence, int kvHead, int query) {
    int lanes = Math.min(WIDTH, call.steps * group - query);
    for (int lane = 0; lane < lanes; lane++) {
      int i = query + lane;
      long target = call.queryAt(sequence, i / group, kvHead * group + i % group);
      long source = panel + 4L * lane;
      MemorySegment lse = call.lse;
      if (lse != null) {
        long row = call.weightsRow(sequence, i / group, kvHead * group + i % group);
        double sum = work.get(JAVA_FLOAT, source + sumAt);
        double value = work.get(JAVA_FLOAT, source + largestAt) + Math.log(sum);
        lse.set(JAVA_FLOAT, 4 * row, (float) value);
      }
      float inverse = 1 / work.get(JAVA_FLOAT, source + sumAt);
      for (int d = 0; d < headDim; d++) {
        float sum = work.get(JAVA_FLOAT, source + resultAt + PANEL_ROW * d);
        call.out.set(JAVA_FLOAT, target + 4L * d, sum * inverse);
      }
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
