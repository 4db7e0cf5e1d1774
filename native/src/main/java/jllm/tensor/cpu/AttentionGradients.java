package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Dropout;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;

/**
 * The derivative of attention, in tiles of {@link #KEYS} keys by {@link GemmKernel#WIDTH} queries
 * whose weights are computed again (Dao et al. 2022, algorithm 4). A lane of a tile is a query, as
 * in {@link TiledAttention}.
 *
 * <p>A unit of work is a key head of a sequence with all its queries: all sums over keys and over
 * queries are in one thread, in the same order whatever their number.
 */
final class AttentionGradients implements Workers.Task, AutoCloseable {
  private static final int WIDTH = GemmKernel.WIDTH;
  private static final int ROWS = GemmKernel.ROWS;

  /** Keys of a tile. */
  private static final int KEYS = 16 * ROWS;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 15;

  private static final long PANEL_ROW = 4L * WIDTH;
  private static final long TILE_BYTES = PANEL_ROW * ROWS;

  /** The lse of a lane without a query: its weights become 0. */
  private static final float NO_QUERY = 1e30f;

  private final Workers workers;
  private final AttentionCall call = new AttentionCall();
  private final Scratch scratch = new Scratch();
  private MemorySegment work = MemorySegment.NULL;

  private MemorySegment dq = MemorySegment.NULL;
  private MemorySegment dk = MemorySegment.NULL;
  private MemorySegment dv = MemorySegment.NULL;
  private MemorySegment dout = MemorySegment.NULL;

  private int headDim;

  /** headDim rounded up to whole strips. */
  private int paddedDim;

  /** Panels of components. */
  private int wide;

  private int group;

  /** Queries of a unit. */
  private int queries;

  // Where things are in the memory of a thread. Strips of keys and of values [d][ROWS], strips of
  // components [key][ROWS].
  private long keysAt;
  private long valuesAt;
  private long componentsAt;
  // Tiles [key][WIDTH]; a strip of one of them, transposed; a product.
  private long scoresAt;
  private long slopesAt;
  private long stripAt;
  private long productAt;
  // Panels of queries [d][WIDTH], then [WIDTH queries][WIDTH] for each panel of components.
  private long queryPanelAt;
  private long doutPanelAt;
  private long queryRowsAt;
  private long doutRowsAt;
  // A line for each query of a panel.
  private long lseAt;
  private long deltaAt;
  private long firstAt;
  private long endAt;
  private long linesAt;
  // Results: of a panel of queries, of a block of keys.
  private long dqAt;
  private long dqRowsAt;
  private long dkAt;
  private long dvAt;
  private long deltasAt;
  private long threadBytes;

  AttentionGradients(Workers workers) {
    this.workers = workers;
  }

  /** See {@link jllm.tensor.TrainingKernels#attentionBackward}. */
  void run(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dout,
      Tensor out,
      Tensor lse,
      Tensor q,
      Tensor k,
      Tensor v,
      TrainingAttention attention) {
    call.set(out, lse, q, k, v, attention);
    this.dq = dq.segment();
    this.dk = dk.segment();
    this.dv = dv.segment();
    this.dout = dout.segment();
    headDim = call.spec.headDim();
    paddedDim = (headDim + ROWS - 1) / ROWS * ROWS;
    wide = (headDim + WIDTH - 1) / WIDTH;
    group = call.spec.groupSize();
    queries = call.steps * group;
    layOut();
    int parts = q.shape().elements() * call.steps < SMALL ? 1 : workers.count();
    work = scratch.reserve(parts * threadBytes);
    if (parts == 1) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  private void layOut() {
    threadBytes = 0;
    keysAt = take(4L * KEYS * headDim);
    valuesAt = take(4L * KEYS * headDim);
    componentsAt = take(4L * KEYS * paddedDim);
    scoresAt = take(PANEL_ROW * KEYS);
    slopesAt = take(PANEL_ROW * KEYS);
    stripAt = take(TILE_BYTES);
    productAt = take(TILE_BYTES);
    queryPanelAt = take(PANEL_ROW * headDim);
    doutPanelAt = take(PANEL_ROW * headDim);
    queryRowsAt = take(PANEL_ROW * WIDTH * wide);
    doutRowsAt = take(PANEL_ROW * WIDTH * wide);
    lseAt = take(PANEL_ROW);
    deltaAt = take(PANEL_ROW);
    firstAt = take(PANEL_ROW);
    endAt = take(PANEL_ROW);
    linesAt = take(PANEL_ROW);
    dqAt = take(PANEL_ROW * paddedDim);
    dqRowsAt = take(PANEL_ROW * paddedDim);
    dkAt = take(PANEL_ROW * KEYS * wide);
    dvAt = take(PANEL_ROW * KEYS * wide);
    deltasAt = take(4L * queries);
  }

  private long take(long bytes) {
    long at = threadBytes;
    threadBytes += Scratch.align(bytes);
    return at;
  }

  @Override
  public void run(int part, int parts) {
    int kvHeads = call.spec.kvHeads();
    for (int unit = part; unit < call.sequences * kvHeads; unit += parts) {
      differentiate(part * threadBytes, unit / kvHeads, unit % kvHeads);
    }
  }

  private int step(int query) {
    return Math.min(queries - 1, query) / group;
  }

  /** Byte of q, out and their derivatives at which a query of a unit begins. */
  private long queryAt(int sequence, int kvHead, int query) {
    return call.queryAt(sequence, query / group, kvHead * group + query % group);
  }

  private void differentiate(long base, int sequence, int kvHead) {
    for (int i = 0; i < queries; i++) {
      long at = queryAt(sequence, kvHead, i);
      float delta = SoftmaxLoops.dot(dout, at, call.out, at, headDim);
      work.set(JAVA_FLOAT, base + deltasAt + 4L * i, delta);
    }
    for (int key = 0; key < call.steps; key += KEYS) {
      int keys = Math.min(KEYS, call.steps - key);
      packKeys(base, sequence, kvHead, key, keys);
      GradientLoops.fill(work, base + dkAt, 0, KEYS * WIDTH * wide);
      GradientLoops.fill(work, base + dvAt, 0, KEYS * WIDTH * wide);
      for (int query = 0; query < queries; query += WIDTH) {
        int seen = Math.min(keys, call.endKey(step(query + WIDTH - 1)) - key);
        if (seen > 0 && key + keys > call.firstKey(sequence, step(query))) {
          packQueries(base, sequence, kvHead, query);
          int rows = (seen + ROWS - 1) / ROWS * ROWS;
          weights(base, sequence, query, key, rows);
          products(base, rows);
          addQueries(base, sequence, kvHead, query);
        }
      }
      addKeys(dk, base + dkAt, sequence, kvHead, key, keys);
      addKeys(dv, base + dvAt, sequence, kvHead, key, keys);
    }
  }

  private void packKeys(long base, int sequence, int kvHead, int key, int keys) {
    long stride = 4L * call.keyColumns;
    long first = call.keyAt(sequence, key, kvHead);
    for (int row = 0; row < keys; row += ROWS) {
      long from = first + row * stride;
      long at = base + 4L * row * headDim;
      packStrip(call.k, from, at + keysAt, Math.min(ROWS, keys - row));
      packStrip(call.v, from, at + valuesAt, Math.min(ROWS, keys - row));
    }
    int rows = (keys + ROWS - 1) / ROWS * ROWS;
    int strips = headDim / ROWS;
    long strip = base + componentsAt;
    PackLoops.deal(call.k, first, stride, work, strip, 4L * ROWS * KEYS, ROWS, strips, keys);
    for (int d = 0; d < paddedDim; d += ROWS, strip += 4L * ROWS * KEYS) {
      if (d + ROWS > headDim) {
        PackLoops.copyPart(call.k, first + 4L * d, stride, work, strip, ROWS, headDim - d, keys);
      }
      for (int r = 0; r < ROWS; r++) {
        PackLoops.clear(work, strip + 4L * (keys * ROWS + r), ROWS, rows - keys);
      }
    }
  }

  /** A strip of keys, of which {@code present} exist. */
  private void packStrip(MemorySegment x, long from, long to, int present) {
    TransposeLoops.transpose(x, from, 4L * call.keyColumns, work, to, 4L * ROWS, present, headDim);
    for (int r = present; r < ROWS; r++) {
      PackLoops.clear(work, to + 4L * r, ROWS, headDim);
    }
  }

  private void packQueries(long base, int sequence, int kvHead, int query) {
    if (headDim % WIDTH != 0) {
      GradientLoops.fill(work, base + queryRowsAt, 0, WIDTH * WIDTH * wide);
      GradientLoops.fill(work, base + doutRowsAt, 0, WIDTH * WIDTH * wide);
    }
    for (int lane = 0; lane < WIDTH; lane++) {
      int i = Math.min(queries - 1, query + lane);
      long at = queryAt(sequence, kvHead, i);
      packRow(call.q, at, base + queryRowsAt + PANEL_ROW * lane);
      packRow(dout, at, base + doutRowsAt + PANEL_ROW * lane);
      packLines(base, lane, sequence, kvHead, i, query + lane < queries);
    }
    transposeRows(base + queryRowsAt, base + queryPanelAt);
    transposeRows(base + doutRowsAt, base + doutPanelAt);
    float scale = call.spec.scale();
    ElementLoops.scale(work, work, scale, base + queryPanelAt, WIDTH * headDim);
    ElementLoops.scale(work, work, scale, base + queryRowsAt, WIDTH * WIDTH * wide);
  }

  private void transposeRows(long from, long to) {
    for (int d = 0; d < headDim; d += WIDTH) {
      int count = Math.min(WIDTH, headDim - d);
      long rows = from + PANEL_ROW * d;
      TransposeLoops.transpose(
          work, rows, PANEL_ROW, work, to + PANEL_ROW * d, PANEL_ROW, WIDTH, count);
    }
  }

  private void packRow(MemorySegment x, long from, long to) {
    for (int d = 0; d < headDim; d += WIDTH) {
      int count = Math.min(WIDTH, headDim - d);
      MemorySegment.copy(x, from + 4L * d, work, to + PANEL_ROW * d, 4L * count);
    }
  }

  private void packLines(long base, int lane, int sequence, int kvHead, int i, boolean exists) {
    long at = base + 4L * lane;
    int step = i / group;
    long row = call.weightsRow(sequence, step, kvHead * group + i % group);
    MemorySegment lse = call.lse;
    if (lse == null) {
      throw new IllegalStateException("no operands");
    }
    work.set(JAVA_FLOAT, at + lseAt, exists ? lse.get(JAVA_FLOAT, 4 * row) : NO_QUERY);
    float delta = work.get(JAVA_FLOAT, base + deltasAt + 4L * i);
    work.set(JAVA_FLOAT, at + deltaAt, delta);
    work.set(JAVA_FLOAT, at + firstAt, call.firstKey(sequence, step));
    work.set(JAVA_FLOAT, at + endAt, call.endKey(step));
    Dropout dropout = call.dropout;
    if (dropout != null) {
      work.set(JAVA_INT, at + linesAt, dropout.rowKey(row));
    }
  }

  /** The weights of a tile, after dropout, and the derivatives of its scores. */
  private void weights(long base, int sequence, int query, int key, int rows) {
    long scores = base + scoresAt;
    long slopes = base + slopesAt;
    for (int row = 0; row < rows; row += ROWS) {
      long strip = base + 4L * row * headDim;
      long to = PANEL_ROW * row;
      GemmKernel.multiply(
          work, strip + keysAt, work, base + queryPanelAt, work, scores + to, ROWS, headDim);
      GemmKernel.multiply(
          work, strip + valuesAt, work, base + doutPanelAt, work, slopes + to, ROWS, headDim);
    }
    float cap = call.spec.softCap();
    if (cap > 0) {
      TileLoops.softCap(work, scores, rows, cap);
    }
    drop(base, slopes, key, rows);
    TileLoops.backward(work, scores, slopes, rows, base + lseAt, base + deltaAt, cap);
    drop(base, scores, key, rows);
    int lastStep = step(query + WIDTH - 1);
    if (key + rows > call.endKey(step(query)) || key < call.firstKey(sequence, lastStep)) {
      TileLoops.mask(work, scores, key, rows, base + firstAt, base + endAt, 0);
      TileLoops.mask(work, slopes, key, rows, base + firstAt, base + endAt, 0);
    }
  }

  private void drop(long base, long tile, int key, int rows) {
    Dropout dropout = call.dropout;
    if (dropout != null) {
      DropoutLoops.tile(
          work, tile, rows, base + linesAt, key, dropout.threshold(), dropout.scale());
    }
  }

  private void products(long base, int rows) {
    for (int d = 0; d < paddedDim; d += ROWS) {
      long strip = base + componentsAt + 4L * d * KEYS;
      long to = base + dqAt + PANEL_ROW * d;
      GemmKernel.multiply(work, strip, work, base + slopesAt, work, to, ROWS, rows);
    }
    for (int row = 0; row < rows; row += ROWS) {
      long from = base + PANEL_ROW * row;
      long to = base + PANEL_ROW * row * wide;
      addProducts(base, from + slopesAt, base + queryRowsAt, to + dkAt);
      addProducts(base, from + scoresAt, base + doutRowsAt, to + dvAt);
    }
  }

  /** Adds the products of ROWS lines of a tile with the rows of queries to tiles of the result. */
  private void addProducts(long base, long tile, long queryRows, long to) {
    TransposeLoops.transpose(work, tile, PANEL_ROW, work, base + stripAt, 4L * ROWS, ROWS, WIDTH);
    for (int w = 0; w < wide; w++) {
      long panel = queryRows + PANEL_ROW * WIDTH * w;
      GemmKernel.multiply(work, base + stripAt, work, panel, work, base + productAt, ROWS, WIDTH);
      GemmLoops.add(work, to + TILE_BYTES * w, base + productAt, ROWS);
    }
  }

  private void addQueries(long base, int sequence, int kvHead, int query) {
    TransposeLoops.transpose(
        work, base + dqAt, PANEL_ROW, work, base + dqRowsAt, 4L * paddedDim, paddedDim, WIDTH);
    int lanes = Math.min(WIDTH, queries - query);
    for (int lane = 0; lane < lanes; lane++) {
      long from = base + dqRowsAt + 4L * lane * paddedDim;
      long to = queryAt(sequence, kvHead, query + lane);
      RowLoops.combine(dq, to, work, from, headDim, call.spec.scale(), true);
    }
  }

  private void addKeys(MemorySegment out, long from, int sequence, int kvHead, int key, int keys) {
    for (int j = 0; j < keys; j++) {
      long to = call.keyAt(sequence, key + j, kvHead);
      long strip = from + TILE_BYTES * wide * (j / ROWS) + PANEL_ROW * (j % ROWS);
      for (int w = 0; w < wide; w++) {
        int count = Math.min(WIDTH, headDim - w * WIDTH);
        RowLoops.combine(out, to + PANEL_ROW * w, work, strip + TILE_BYTES * w, count, 1, true);
      }
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
