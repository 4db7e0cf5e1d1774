package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** The loops that bring operands of {@link GemmKernel} into strips. */
final class PackLoops {
  private PackLoops() {}

  static void interleave(
      MemorySegment x, long source, MemorySegment work, long target, int step, int count) {
    for (int k = 0; k < count; k++) {
      work.set(JAVA_FLOAT, target + 4L * k * step, x.get(JAVA_FLOAT, source + 4L * k));
    }
  }

  static void clear(MemorySegment work, long target, int step, int count) {
    for (int k = 0; k < count; k++) {
      work.set(JAVA_FLOAT, target + 4L * k * step, 0);
    }
  }
}
