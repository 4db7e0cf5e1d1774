package jllm.tensor.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jllm.ffi.PageAllocator;

/**
 * What this machine can do at best with a team of threads, measured: the limits that a kernel's
 * speed is set against.
 *
 * @param readBytesPerSecond reading memory beyond the caches, which bounds decoding
 * @param flops float32 fused multiply-adds from registers, counted as two operations, which bound
 *     prefill and training
 */
public record MachineLimits(double readBytesPerSecond, double flops) {
  /** Several times the last-level caches of today's machines, so that they do not help. */
  private static final long BYTES = 512L << 20;

  private static final long NANOS_EACH = 400_000_000;
  private static final int PASSES = 100;

  /**
   * Measures for about a second. The best pass counts: a limit is what the machine can do when
   * nothing disturbs it.
   *
   * @throws OutOfMemoryError if there is no room for half a gigabyte to read
   */
  public static MachineLimits measure(Workers workers) {
    double flops = measureFlops(workers);
    try (Arena arena = Arena.ofShared()) {
      Read read =
          new Read(new PageAllocator(arena).allocate(BYTES, 4096).fill((byte) 1), workers.count());
      return new MachineLimits(best(workers, read, Read.WINDOW), flops);
    }
  }

  /** {@link #flops} alone, in half a second. */
  public static double measureFlops(Workers workers) {
    return best(workers, new Multiply(workers.count()), Multiply.operations(workers.count()));
  }

  /** The highest rate per second among many short runs; the first ones warm up. */
  private static double best(Workers workers, Workers.Task task, double amount) {
    double best = 0;
    long begin = System.nanoTime();
    for (int pass = 0; pass < PASSES || System.nanoTime() - begin < NANOS_EACH; pass++) {
      long start = System.nanoTime();
      workers.run(task);
      best = Math.max(best, amount / (System.nanoTime() - start) * 1e9);
    }
    return best;
  }

  /**
   * Reads the next window of a segment; the sums are kept so that the compiler keeps the reading.
   */
  private static final class Read implements Workers.Task {
    static final long WINDOW = 32 << 20;
    private static final long CHUNK = 1 << 18;
    private final MemorySegment memory;
    private final int[] sums;
    private final long[] windows;

    Read(MemorySegment memory, int parts) {
      this.memory = memory;
      this.sums = new int[parts * 16];
      this.windows = new long[parts * 16];
    }

    /** Short calls, so that the compiled method is used as soon as it is there. */
    @Override
    public void run(int part, int parts) {
      int sum = 0;
      long window = windows[part * 16]++ * WINDOW % memory.byteSize();
      int chunks = (int) (WINDOW / CHUNK);
      int last = Workers.share(chunks, part + 1, parts);
      for (int chunk = Workers.share(chunks, part, parts); chunk < last; chunk++) {
        sum += sum(memory, window + chunk * CHUNK, window + (chunk + 1) * CHUNK);
      }
      sums[part * 16] = sum;
    }

    private static int sum(MemorySegment memory, long from, long to) {
      int width = Lanes.INT.vectorByteSize();
      IntVector a = IntVector.zero(Lanes.INT);
      IntVector b = a;
      IntVector c = a;
      IntVector d = a;
      for (long at = from; at < to; at += 4L * width) {
        a = a.add(IntVector.fromMemorySegment(Lanes.INT, memory, at, Lanes.ORDER));
        b = b.add(IntVector.fromMemorySegment(Lanes.INT, memory, at + width, Lanes.ORDER));
        c = c.add(IntVector.fromMemorySegment(Lanes.INT, memory, at + 2 * width, Lanes.ORDER));
        d = d.add(IntVector.fromMemorySegment(Lanes.INT, memory, at + 3 * width, Lanes.ORDER));
      }
      return a.add(b).add(c.add(d)).lane(0);
    }
  }

  /** Twelve independent chains: enough to hide the latency of two units of four cycles. */
  private static final class Multiply implements Workers.Task {
    private static final int CALLS = 20;
    private static final int ROUNDS = 20_000;
    private static final int FMAS = 12;
    private final float[] sums;

    Multiply(int parts) {
      this.sums = new float[parts * 16];
    }

    static double operations(int parts) {
      return 2.0 * parts * CALLS * ROUNDS * FMAS * Lanes.COUNT;
    }

    /** Short calls, so that the compiled method is used as soon as it is there. */
    @Override
    public void run(int part, int parts) {
      float sum = 0;
      for (int call = 0; call < CALLS; call++) {
        sum += chains(0.999f + call * 1e-6f);
      }
      sums[part * 16] = sum;
    }

    private static float chains(float by) {
      FloatVector factor = FloatVector.broadcast(Lanes.FLOAT, by);
      FloatVector term = FloatVector.broadcast(Lanes.FLOAT, 1e-3f);
      FloatVector a = term;
      FloatVector b = term;
      FloatVector c = term;
      FloatVector d = term;
      FloatVector e = term;
      FloatVector f = term;
      FloatVector g = term;
      FloatVector h = term;
      FloatVector i = term;
      FloatVector j = term;
      FloatVector k = term;
      FloatVector l = term;
      for (int round = 0; round < ROUNDS; round++) {
        a = a.fma(factor, term);
        b = b.fma(factor, term);
        c = c.fma(factor, term);
        d = d.fma(factor, term);
        e = e.fma(factor, term);
        f = f.fma(factor, term);
        g = g.fma(factor, term);
        h = h.fma(factor, term);
        i = i.fma(factor, term);
        j = j.fma(factor, term);
        k = k.fma(factor, term);
        l = l.fma(factor, term);
      }
      FloatVector sum =
          a.add(b).add(c.add(d)).add(e.add(f).add(g.add(h))).add(i.add(j).add(k.add(l)));
      return sum.lane(0);
    }
  }
}
