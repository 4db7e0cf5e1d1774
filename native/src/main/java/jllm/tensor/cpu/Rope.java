package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;

/**
 * Rotary position embedding. The cosines and sines of a row are first laid out as its heads need
 * them, once for all heads.
 */
final class Rope implements Workers.Task, AutoCloseable {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 14;

  private static final VectorShuffle<Float> SWAP = VectorShuffle.fromOp(FLOAT, i -> i ^ 1);

  private final Workers workers;

  /** For each thread the cosines and the sines of a row. */
  private final Scratch scratch = new Scratch();

  private MemorySegment work = MemorySegment.NULL;
  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private MemorySegment rotations = MemorySegment.NULL;
  private boolean interleaved;
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
    return Scratch.align(8L * turned);
  }

  @Override
  public void run(int part, int parts) {
    long cosines = part * angleBytes();
    int end = Workers.share(rows, part + 1, parts);
    for (int row = Workers.share(rows, part, parts); row < end; row++) {
      long angles = 4L * row * turned;
      long sines = cosines + 4L * turned;
      if (interleaved) {
        spread(work, cosines, sines, rotations, angles, turned);
      } else {
        separate(work, cosines, sines, rotations, angles, turned / 2);
      }
      for (int head = 0; head < columns; head += headDim) {
        long at = 4L * ((long) row * columns + head);
        if (interleaved) {
          turnNeighbours(out, x, at, work, cosines, sines, turned);
        } else {
          turnHalves(out, x, at, work, cosines, sines, turned / 2);
        }
        long rest = at + 4L * turned;
        MemorySegment.copy(x, rest, out, rest, 4L * (headDim - turned));
      }
    }
  }

  /** Each cosine twice; each sine twice, first negative: {@code (a, b) c + (b, a) (-s, s)}. */
  private static void spread(
      MemorySegment work, long cosines, long sines, MemorySegment angles, long at, int count) {
    for (int i = 0; i < count; i += 2) {
      long o = 4L * i;
      float cosine = angles.get(JAVA_FLOAT, at + o);
      float sine = angles.get(JAVA_FLOAT, at + o + 4);
      work.set(JAVA_FLOAT, cosines + o, cosine);
      work.set(JAVA_FLOAT, cosines + o + 4, cosine);
      work.set(JAVA_FLOAT, sines + o, -sine);
      work.set(JAVA_FLOAT, sines + o + 4, sine);
    }
  }

  /** First the cosines, then the sines. */
  private static void separate(
      MemorySegment work, long cosines, long sines, MemorySegment angles, long at, int pairs) {
    for (int i = 0; i < pairs; i++) {
      work.set(JAVA_FLOAT, cosines + 4L * i, angles.get(JAVA_FLOAT, at + 8L * i));
      work.set(JAVA_FLOAT, sines + 4L * i, angles.get(JAVA_FLOAT, at + 8L * i + 4));
    }
  }

  private static void turnNeighbours(
      MemorySegment out,
      MemorySegment x,
      long at,
      MemorySegment work,
      long cosines,
      long sines,
      int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = 4L * i;
      FloatVector pair = load(x, at + o);
      pair.rearrange(SWAP)
          .mul(load(work, sines + o))
          .add(pair.mul(load(work, cosines + o)))
          .intoMemorySegment(out, at + o, ORDER);
    }
    for (; i < count; i += 2) {
      long o = 4L * i;
      float a = x.get(JAVA_FLOAT, at + o);
      float b = x.get(JAVA_FLOAT, at + o + 4);
      float cosine = work.get(JAVA_FLOAT, cosines + o);
      float sine = work.get(JAVA_FLOAT, sines + o + 4);
      out.set(JAVA_FLOAT, at + o, a * cosine - b * sine);
      out.set(JAVA_FLOAT, at + o + 4, a * sine + b * cosine);
    }
  }

  private static void turnHalves(
      MemorySegment out,
      MemorySegment x,
      long first,
      MemorySegment work,
      long cosines,
      long sines,
      int pairs) {
    long second = first + 4L * pairs;
    int i = 0;
    for (; i <= pairs - COUNT; i += COUNT) {
      long o = 4L * i;
      FloatVector a = load(x, first + o);
      FloatVector b = load(x, second + o);
      FloatVector cosine = load(work, cosines + o);
      FloatVector sine = load(work, sines + o);
      a.mul(cosine).sub(b.mul(sine)).intoMemorySegment(out, first + o, ORDER);
      a.mul(sine).add(b.mul(cosine)).intoMemorySegment(out, second + o, ORDER);
    }
    for (; i < pairs; i++) {
      long o = 4L * i;
      float a = x.get(JAVA_FLOAT, first + o);
      float b = x.get(JAVA_FLOAT, second + o);
      float cosine = work.get(JAVA_FLOAT, cosines + o);
      float sine = work.get(JAVA_FLOAT, sines + o);
      out.set(JAVA_FLOAT, first + o, a * cosine - b * sine);
      out.set(JAVA_FLOAT, second + o, a * sine + b * cosine);
    }
  }

  private static FloatVector load(MemorySegment segment, long at) {
    return fromMemorySegment(FLOAT, segment, at, ORDER);
  }

  @Override
  public void close() {
    scratch.close();
  }
}
