package jllm.tokenize.stream;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import jllm.tokenize.corpus.Work;
import org.jspecify.annotations.Nullable;

/** Work on several threads, its results in the order in which it was handed out. */
final class Ordered<R> implements AutoCloseable {

  /** Takes results on the calling thread. */
  interface Out<R> {
    void accept(R result) throws IOException;
  }

  private final int threads;
  private final Out<R> out;
  private final Deque<Future<R>> window = new ArrayDeque<>();
  private @Nullable ExecutorService executor;

  Ordered(int threads, Out<R> out) {
    this.threads = threads;
    this.out = out;
  }

  /** Hands out work, after waiting for earlier work if much of it is under way. */
  void submit(Callable<R> work) throws IOException {
    ExecutorService running = executor;
    if (running == null) {
      running = Work.threads(threads, "encoder-");
      executor = running;
    }
    if (window.size() >= 2 * threads + 1) {
      out.accept(Work.get(window.remove()));
    }
    window.add(running.submit(work));
  }

  /** Waits for all that is under way. */
  void finish() throws IOException {
    while (!window.isEmpty()) {
      out.accept(Work.get(window.remove()));
    }
  }

  @Override
  public void close() {
    if (executor != null) {
      executor.shutdownNow();
    }
  }
}
