package jllm.tensor.cpu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A team of threads that runs a task in parts, part 0 on the calling thread. A model runs hundreds
 * of small tasks for each token, so the hand-off is one counter that the team watches: waiting
 * threads spin, then yield, and park only after a pause that no step of a model has. Nothing is
 * allocated per task.
 */
public final class Workers implements AutoCloseable {

  /**
   * Work that can be cut into parts. Kernels are long-lived objects whose fields hold the operands
   * of the call, so that a call allocates nothing; what the caller wrote to them before {@link
   * #run} is visible to every part.
   */
  public interface Task {
    /** Does part {@code part} of {@code parts}; the parts run at the same time. */
    void run(int part, int parts);
  }

  private static final VarHandle INT = MethodHandles.arrayElementVarHandle(int[].class);

  /** How long a thread without work stays awake: longer than a sampler and a terminal take. */
  private static final long AWAKE_NANOS = 3_000_000;

  private static final int SPINS_PER_CLOCK = 64;

  // Indices into state, each on cache lines of its own.
  private static final int EPOCH = 32;
  private static final int PENDING = 64;
  private static final int SLEEPERS = 96;

  private final int[] state = new int[128];
  private final Thread[] threads;

  /** Of the calling thread. */
  private final Patience patience = new Patience();

  private @Nullable Task task;
  private boolean running;
  private volatile boolean closed;
  private volatile @Nullable Throwable failure;

  /**
   * Starts the team.
   *
   * @param count threads that work at the same time, the caller included: with 1, none is started
   */
  public Workers(int count) {
    if (count < 1) {
      throw new IllegalArgumentException("a team has at least 1 thread; found " + count);
    }
    threads = new Thread[count - 1];
    for (int i = 0; i < threads.length; i++) {
      int part = i + 1;
      threads[i] = Thread.ofPlatform().daemon().name("jllm-worker-" + part).start(() -> work(part));
    }
  }

  /** Threads that work at the same time, the caller included. */
  public int count() {
    return threads.length + 1;
  }

  /**
   * The first of {@code units} units that fall to {@code part}; those of the next part begin where
   * they end.
   */
  public static int share(int units, int part, int parts) {
    return (int) ((long) units * part / parts);
  }

  /**
   * Runs all parts and returns when the last has ended. What a part throws is thrown here, the
   * first if there are several.
   *
   * @throws IllegalStateException when called by a task or after {@link #close}
   */
  public void run(Task task) {
    if (running || closed) {
      throw new IllegalStateException(
          closed ? "the team is closed" : "a task cannot hand work to the team that runs it");
    }
    running = true;
    try {
      if (threads.length == 0) {
        task.run(0, 1);
      } else {
        runWithTeam(task);
      }
    } finally {
      running = false;
    }
  }

  private void runWithTeam(Task task) {
    this.task = task;
    INT.setVolatile(state, PENDING, threads.length);
    publish();
    try {
      task.run(0, threads.length + 1);
    } catch (Throwable e) {
      fail(e);
    }
    awaitOthers();
    this.task = null;
    Throwable thrown = failure;
    if (thrown != null) {
      failure = null;
      throw Workers.<RuntimeException>unchecked(thrown);
    }
  }

  /** Tells the team that {@link #task} or {@link #closed} has changed. */
  private void publish() {
    INT.getAndAdd(state, EPOCH, 1);
    if ((int) INT.getVolatile(state, SLEEPERS) != 0) {
      for (Thread thread : threads) {
        LockSupport.unpark(thread);
      }
    }
  }

  private void awaitOthers() {
    int spins = 0;
    long start = 0;
    while ((int) INT.getAcquire(state, PENDING) != 0) {
      Thread.onSpinWait();
      if (++spins % SPINS_PER_CLOCK == 0) {
        long now = System.nanoTime();
        if (start == 0) {
          start = now;
          patience.begin(now);
        }
        if (now - start > patience.look(now)) {
          Thread.yield(); // The others may be waiting for this very core.
        }
      }
    }
  }

  private void work(int part) {
    Patience own = new Patience();
    int seen = 0;
    while (true) {
      seen = awaitEpoch(seen, own);
      Task current = task;
      if (closed || current == null) {
        return;
      }
      try {
        current.run(part, threads.length + 1);
      } catch (Throwable e) {
        fail(e);
      }
      INT.getAndAdd(state, PENDING, -1);
    }
  }

  /** Waits until the epoch is no longer {@code seen} and returns it. */
  private int awaitEpoch(int seen, Patience patience) {
    int spins = 0;
    long start = 0;
    while (true) {
      int epoch = (int) INT.getAcquire(state, EPOCH);
      if (epoch != seen) {
        return epoch;
      }
      Thread.onSpinWait();
      if (++spins % SPINS_PER_CLOCK == 0) {
        long now = System.nanoTime();
        if (start == 0) {
          start = now;
          patience.begin(now);
        }
        if (now - start > AWAKE_NANOS) {
          sleep(seen);
        } else if (now - start > patience.look(now)) {
          Thread.yield();
        }
      }
    }
  }

  private void sleep(int seen) {
    INT.getAndAdd(state, SLEEPERS, 1);
    // From here on publish() sees a sleeper; an epoch that changed before is seen by this loop.
    while ((int) INT.getVolatile(state, EPOCH) == seen) {
      LockSupport.park(this);
      Thread.interrupted(); // Nobody interrupts this thread on purpose, and park would not wait any
      // more.
    }
    INT.getAndAdd(state, SLEEPERS, -1);
  }

  private void fail(Throwable e) {
    synchronized (threads) {
      if (failure == null) {
        failure = e;
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> T unchecked(Throwable e) {
    return (T) e;
  }

  /** Ends the threads and waits for them. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    publish();
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
