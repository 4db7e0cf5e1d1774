package jllm.tensor;

import java.util.List;

/**
 * Times single operations of a backend, where they are computed: those of a device that works on
 * its own by the device's clock, without what it takes to start them. For one thread.
 */
public interface OperationTimer extends AutoCloseable {
  /** Begins to time what is started from now on. */
  void start();

  /**
   * Waits until all is done that was started since {@link #start}.
   *
   * @return nanoseconds that it took
   */
  long stop();

  /** The kernels that were started between the last {@link #start} and {@link #stop}, in order. */
  List<String> kernels();

  @Override
  void close();

  /** Of a backend whose operations are done when they return: by the clock of the host. */
  static OperationTimer ofHost() {
    return new OperationTimer() {
      private long begin;

      @Override
      public void start() {
        begin = System.nanoTime();
      }

      @Override
      public long stop() {
        return System.nanoTime() - begin;
      }

      @Override
      public List<String> kernels() {
        return List.of();
      }

      @Override
      public void close() {}
    };
  }
}
