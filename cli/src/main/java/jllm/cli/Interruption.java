package jllm.cli;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Lets a command end in order when the process is told to (Ctrl-C, SIGTERM): it is asked to stop
 * after the step it is at, and gets a moment to write what it has. The JVM then ends with the
 * signal's exit code, 130 for Ctrl-C. If the step takes too long, the text so far is written from
 * here.
 */
final class Interruption implements AutoCloseable {
  private static final long PATIENCE_MILLIS = 2_000;

  private final CountDownLatch done = new CountDownLatch(1);
  private final Thread hook;

  /**
   * @param stop asks the command to stop; called on another thread
   * @param printer what to print of if it does not stop in time
   */
  Interruption(Runnable stop, @Nullable TextPrinter printer) {
    this(stop, printer, PATIENCE_MILLIS);
  }

  /**
   * @param patienceMillis how long the command may take to end
   */
  Interruption(Runnable stop, @Nullable TextPrinter printer, long patienceMillis) {
    hook =
        new Thread(
            () -> {
              stop.run();
              try {
                if (!done.await(patienceMillis, TimeUnit.MILLISECONDS) && printer != null) {
                  printer.print();
                }
              } catch (InterruptedException | IOException e) {
                // Nothing is left to be done, and nobody to tell.
              }
            },
            "interruption");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Says that all is written. */
  @Override
  public void close() {
    done.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException shuttingDown) {
      // The hook runs already, and has just been let go.
    }
  }
}
