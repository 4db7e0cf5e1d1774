package jllm.tensor.cuda;

import static jllm.tensor.cuda.Gpu.address;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.Tensor;
import jllm.tensor.TokenReader;

/** Tokens arrive in page-locked memory, and an event tells when. */
final class CudaTokenReader implements TokenReader {
  private static final int SLOTS = 2;

  private final Gpu gpu;
  private final MemorySegment host;
  private final long[] events = new long[SLOTS];
  private int started;
  private int awaited;

  CudaTokenReader(Gpu gpu) {
    this.gpu = gpu;
    this.host = gpu.driver().allocateHost((long) SLOTS * Integer.BYTES);
    for (int slot = 0; slot < SLOTS; slot++) {
      events[slot] = gpu.driver().newEvent();
    }
  }

  @Override
  public void start(Tensor tokens) {
    if (started - awaited == SLOTS) {
      throw new IllegalStateException("the tokens of two steps are under way already");
    }
    int slot = started++ % SLOTS;
    gpu.fetch(host.asSlice((long) slot * Integer.BYTES, Integer.BYTES), address(tokens));
    gpu.driver().recordEvent(events[slot], gpu.stream());
  }

  @Override
  public int await() {
    if (awaited == started) {
      throw new IllegalStateException("no token is under way");
    }
    int slot = awaited++ % SLOTS;
    gpu.driver().awaitEvent(events[slot]);
    return host.getAtIndex(ValueLayout.JAVA_INT, slot);
  }

  @Override
  public void forget() {
    started--; // What still arrives, arrives before what takes its place.
  }

  @Override
  public void close() {
    if (gpu.isClosed()) {
      return;
    }
    gpu.synchronize();
    for (long event : events) {
      gpu.driver().destroyEvent(event);
    }
    gpu.driver().freeHost(host);
  }
}
