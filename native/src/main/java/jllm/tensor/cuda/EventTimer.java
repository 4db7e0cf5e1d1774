package jllm.tensor.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import jllm.ffi.cuda.CudaDriver;
import jllm.tensor.OperationTimer;

/**
 * Times by events on the stream. A kernel that waits goes ahead of the first event until the second
 * one is in line as well, so that what lies between them is not slowed down by the host that starts
 * it.
 */
final class EventTimer implements OperationTimer {
  private static final int TRIALS = 32;

  private final Gpu gpu;
  private final CudaDriver driver;
  private final long begin;
  private final long end;

  /** Counts what was timed; the kernel that waits reads it. */
  private final MemorySegment gate;

  private final List<String> kernels = new ArrayList<>();
  private final long overhead;
  private int count;

  EventTimer(Gpu gpu) {
    this.gpu = gpu;
    this.driver = gpu.driver();
    this.begin = driver.newEvent();
    this.end = driver.newEvent();
    this.gate = driver.allocateHost(Integer.BYTES).fill((byte) 0);
    this.overhead = overhead();
  }

  /** Nanoseconds between two events with nothing between. */
  private long overhead() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < TRIALS; i++) {
      start();
      least = Math.min(least, stop());
    }
    return least;
  }

  @Override
  public void start() {
    count++;
    gpu.kernel(KernelSource.TIMING, "hold").longs(gate.address()).ints(count).start(1, 1, 1, 1);
    kernels.clear();
    gpu.started(kernels);
    driver.recordEvent(begin, gpu.stream());
  }

  @Override
  public long stop() {
    driver.recordEvent(end, gpu.stream());
    gpu.started(null);
    gate.set(ValueLayout.JAVA_INT, 0, count);
    driver.awaitEvent(end);
    return Math.max(0, (long) (driver.elapsed(begin, end) * 1e6) - overhead);
  }

  @Override
  public List<String> kernels() {
    return kernels;
  }

  @Override
  public void close() {
    driver.destroyEvent(begin);
    driver.destroyEvent(end);
    driver.freeHost(gate);
  }
}
