package jllm.tokenize.corpus;

import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Helpers for work that is spread over threads. */
public final class Work {
  private Work() {}

  /** Daemon threads with a name. */
  public static ExecutorService threads(int n, String name) {
    return Executors.newFixedThreadPool(n, Thread.ofPlatform().daemon().name(name, 0).factory());
  }

  /** The result of a task; what it threw is thrown here. */
  public static <T> T get(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted");
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  /**
   * @throws CancellationException if the listener wants the work to end, or the thread was
   *     interrupted
   */
  public static void check(CorpusListener listener) {
    if (listener.cancelled() || Thread.currentThread().isInterrupted()) {
      throw new CancellationException("cancelled");
    }
  }
}
