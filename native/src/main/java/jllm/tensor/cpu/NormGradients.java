package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Derivatives of the norms of rows. What the forward pass knew of a row, its mean and its
 * deviation, is computed again. Each thread sums up the derivatives of weight and bias for its
 * rows; the sums are added in the order of the threads.
 */
final class NormGradients implements Workers.Task, AutoCloseable {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 14;

  private final Workers workers;
  private final Scratch scratch = new Scratch();
  private MemorySegment work = MemorySegment.NULL;

  private boolean centered;
  private MemorySegment dx = MemorySegment.NULL;
  private MemorySegment dout = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;

  /** The weight, or ones. */
  private MemorySegment weight = MemorySegment.NULL;

  private boolean weightWanted;
  private boolean biasWanted;
  private float eps;
  private int rows;
  private int columns;

  // Memory: a row of ones, then for each thread the sums for weight and bias.
  private long rowBytes;

  NormGradients(Workers workers) {
    this.workers = workers;
  }

  void rms(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    centered = false;
    run(dx, dweight, null, dout, x, weight, eps);
  }

  void layer(
      Tensor dx,
      @Nullable Tensor dweight,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    centered = true;
    run(dx, dweight, dbias, dout, x, weight, eps);
  }

  private void run(
      Tensor dx,
      @Nullable Tensor dweight,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    this.dx = dx.segment();
    this.dout = dout.segment();
    this.x = x.segment();
    this.eps = eps;
    rows = x.rows();
    columns = x.columns();
    weightWanted = dweight != null;
    biasWanted = dbias != null;
    int parts = rows == 1 || x.shape().elements() < WORTH_SHARING ? 1 : workers.count();
    rowBytes = Scratch.align(4L * columns);
    work = scratch.reserve(rowBytes * (1 + 2L * parts));
    GradientLoops.fill(work, rowBytes, 0, Math.toIntExact(2 * parts * rowBytes / 4));
    this.weight = weight == null ? ones() : weight.segment();
    if (parts == 1) {
      run(0, 1);
    } else {
      workers.run(this);
    }
    if (dweight != null) {
      addSums(dweight, parts, 0);
    }
    if (dbias != null) {
      addSums(dbias, parts, 1);
    }
  }

  private MemorySegment ones() {
    for (int i = 0; i < columns; i++) {
      work.set(JAVA_FLOAT, 4L * i, 1);
    }
    return work;
  }

  private long sumsAt(int part, int which) {
    return rowBytes * (1 + 2L * part + which);
  }

  private void addSums(Tensor out, int parts, int which) {
    for (int part = 0; part < parts; part++) {
      RowLoops.combine(out.segment(), 0, work, sumsAt(part, which), columns, 1, true);
    }
  }

  @Override
  public void run(int part, int parts) {
    int end = Workers.share(rows, part + 1, parts);
    for (int row = Workers.share(rows, part, parts); row < end; row++) {
      long at = 4L * row * columns;
      float mean = centered ? NormLoops.sum(x, at, columns) / columns : 0;
      float variance = NormLoops.squares(x, at, columns, mean) / columns;
      float inverse = (float) (1 / Math.sqrt((double) variance + eps));
      float shift = centered ? NormGradientLoops.sum(dout, at, weight, columns) / columns : 0;
      float slope =
          NormGradientLoops.sumWithInput(dout, x, at, weight, columns, mean, inverse) / columns;
      NormGradientLoops.input(dx, dout, x, at, weight, columns, mean, inverse, shift, slope);
      if (weightWanted) {
        NormGradientLoops.weight(work, sumsAt(part, 0), dout, x, at, columns, mean, inverse);
      }
      if (biasWanted) {
        RowLoops.combine(work, sumsAt(part, 1), dout, at, columns, 1, true);
      }
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
