package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;

/**
 * Rotary position embedding. The cosines and sines of a row are first laid out as its heads need
 * them, once for all heads.
 */
final class Rope implements Workers.Task, AutoCloseable {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 14;

  private final Workers workers;

  /** For each thread the cosines and the sines of a row, then room for a head. */
  private final Scratch scratch = new Scratch();

  private MemorySegment work = MemorySegment.NULL;
  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private MemorySegment rotations = MemorySegment.NULL;
  private boolean interleaved;

  /** Turn the other way, and add to what is there. */
  private boolean backward;

  private int rows;
  private int columns;
  private int turned;
  private int headDim;

  Rope(Workers workers) {
    this.workers = workers;
  }

  /** See {@link jllm.tensor.Backend#rotations}: once a step, so plain code in double precision. */
  static void rotations(Tensor out, Tensor positions, double[] frequencies, float magnitude) {
    MemorySegment target = out.segment();
    MemorySegment source = positions.segment();
    int rows = out.rows();
    long at = 0;
    for (int n = 0; n < rows; n++) {
      int position = source.get(JAVA_INT, 4L * n);
      for (double frequency : frequencies) {
        double angle = position * frequency;
        target.set(JAVA_FLOAT, at, (float) (Math.cos(angle) * magnitude));
        target.set(JAVA_FLOAT, at + 4, (float) (Math.sin(angle) * magnitude));
        at += 8;
      }
    }
  }

  void rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    backward = false;
    run(out, x, rotations, headDim, pairing);
  }

  /** {@code dx += R^T dout}. */
  void backward(Tensor dx, Tensor dout, Tensor rotations, int headDim, RopePairing pairing) {
    backward = true;
    run(dx, dout, rotations, headDim, pairing);
  }

  private void run(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    this.out = out.segment();
    this.x = x.segment();
    this.rotations = rotations.segment();
    this.headDim = headDim;
    interleaved = pairing == RopePairing.INTERLEAVED;
    rows = x.rows();
    columns = x.columns();
    turned = rotations.columns();
    work = scratch.reserve(workers.count() * angleBytes());
    if (rows == 1 || x.shape().elements() < WORTH_SHARING) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  private long angleBytes() {
    return Scratch.align(8L * turned + 4L * headDim);
  }

  @Override
  public void run(int part, int parts) {
    long cosines = part * angleBytes();
    int end = Workers.share(rows, part + 1, parts);
    for (int row = Workers.share(rows, part, parts); row < end; row++) {
      long angles = 4L * row * turned;
      long sines = cosines + 4L * turned;
      if (interleaved) {
        RopeLoops.spread(work, cosines, sines, rotations, angles, turned);
      } else {
        RopeLoops.separate(work, cosines, sines, rotations, angles, turned / 2);
      }
      if (backward) {
        RopeLoops.negate(work, sines, turned);
      }
      for (int head = 0; head < columns; head += headDim) {
        long at = 4L * ((long) row * columns + head);
        if (backward) {
          long spare = sines + 4L * turned;
          turn(work, spare, at, cosines, sines);
          RowLoops.combine(out, at, work, spare, headDim, 1, true);
        } else {
          turn(out, at, at, cosines, sines);
        }
      }
    }
  }

  private void turn(MemorySegment out, long to, long at, long cosines, long sines) {
    if (interleaved) {
      RopeLoops.turnNeighbours(out, to, x, at, work, cosines, sines, turned);
    } else {
      RopeLoops.turnHalves(out, to, x, at, work, cosines, sines, turned / 2);
    }
    long rest = 4L * turned;
    MemorySegment.copy(x, at + rest, out, to + rest, 4L * headDim - rest);
  }

  @Override
  public void close() {
    scratch.close();
  }
}
