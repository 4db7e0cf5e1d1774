package jllm.tensor.cpu;

/**
 * How long a waiting thread spins before it offers its core to others. Where more threads want to
 * run than there are cores, spinning takes the time of the very thread that is waited for: a thread
 * that finds that the system ran another in its place spins less for the waits to come.
 */
final class Patience {
  /** On a machine of its own. */
  static final long SPIN_NANOS = 100_000;

  /** Where others run as well. */
  static final long CROWDED_SPIN_NANOS = 2_000;

  /**
   * Between two looks at the clock lie a few microseconds; so much more passes only if the thread
   * did not run. Interrupts take less, and the system gives others at least about this.
   */
  static final long GAP_NANOS = 500_000;

  /** Waits without such a gap after which the machine counts as the thread's own again. */
  static final int CROWDED_WAITS = 1000;

  private int crowded;
  private long last;

  /** A wait begins. */
  void begin(long now) {
    last = now;
    if (crowded > 0) {
      crowded--;
    }
  }

  /** The waiting thread looks at the clock; how long it may spin in this wait. */
  long look(long now) {
    if (now - last > GAP_NANOS) {
      crowded = CROWDED_WAITS;
    }
    last = now;
    return crowded > 0 ? CROWDED_SPIN_NANOS : SPIN_NANOS;
  }
}
