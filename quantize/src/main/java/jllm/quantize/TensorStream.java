package jllm.quantize;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.gguf.GgufWriter;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * Tensors on their way into a file: slices of rows are encoded by all threads, while the slice
 * before is written.
 */
final class TensorStream implements AutoCloseable {
  /** Bytes of an encoded slice, of which there are two. They should stay in the cache. */
  private static final long SLICE = 4 << 20;

  /** Rows that a thread takes at a time have at least so many elements. */
  private static final int CHUNK = 1 << 14;

  private final GgufWriter writer;
  private final int threads;
  private final ExecutorService encoders;
  private final ExecutorService output =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());
  private final Arena arena = Arena.ofShared();
  private final MemorySegment[] slices = {MemorySegment.NULL, MemorySegment.NULL};
  private @Nullable Future<?> writing;
  private int next;

  TensorStream(GgufWriter writer, int threads) {
    this.writer = writer;
    this.threads = threads;
    this.encoders = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
  }

  /**
   * Writes a tensor and returns its relative error. Its end may still be on its way when this
   * returns.
   *
   * @throws ModelFormatException if it holds a value that is no finite number, or too large
   */
  double write(TensorPlan plan) throws IOException {
    StoredTensor tensor = plan.tensor();
    try (Arena mapping = Arena.ofShared()) {
      MemorySegment source = tensor.map(mapping);
      DType target = plan.target();
      if (target != null) {
        return encode(tensor, source, target);
      }
      checkFinite(tensor, source);
      submit(source);
      finish(); // while it is mapped
      return 0;
    }
  }

  private double encode(StoredTensor tensor, MemorySegment source, DType target)
      throws IOException {
    int columns = tensor.shape().columns();
    long rows = tensor.shape().elements() / columns;
    long rowBytes = target.bytes(columns);
    long atOnce = Math.max(1, SLICE / rowBytes);
    List<RowEncoder> rowEncoders = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      rowEncoders.add(new RowEncoder(tensor.requireType(), target, columns));
    }
    for (long row = 0; row < rows; row += atOnce) {
      long first = row;
      long count = Math.min(atOnce, rows - row);
      MemorySegment slice = slice(count * rowBytes);
      List<RowTask> tasks = new ArrayList<>();
      for (RowEncoder encoder : rowEncoders) {
        tasks.add(r -> encoder.encode(source, r, slice, r - first));
      }
      forRows(tensor, first, count, tasks);
      submit(slice);
    }
    double squares = rowEncoders.stream().mapToDouble(RowEncoder::squares).sum();
    double errors = rowEncoders.stream().mapToDouble(RowEncoder::errors).sum();
    return squares == 0 ? 0 : Math.sqrt(errors / squares);
  }

  /** What is copied is looked at all the same; integers and types unknown here are not numbers. */
  private void checkFinite(StoredTensor tensor, MemorySegment source) throws IOException {
    DType type = tensor.dtype();
    if (type == null || type == DType.I32) {
      return;
    }
    int columns = tensor.shape().columns();
    List<RowTask> tasks = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      RowReader reader = new RowReader(type, columns);
      tasks.add(row -> reader.read(source, row));
    }
    forRows(tensor, 0, tensor.shape().elements() / columns, tasks);
  }

  /** What is done with a row. Tells what is wrong with it, or nothing. */
  private interface RowTask {
    String row(long row);
  }

  /** Does rows of a tensor, each by one of the tasks, which run at the same time. */
  private void forRows(StoredTensor tensor, long first, long count, List<RowTask> tasks)
      throws IOException {
    AtomicLong taken = new AtomicLong(first);
    int chunk = Math.max(1, CHUNK / tensor.shape().columns());
    List<Callable<Void>> calls = new ArrayList<>();
    for (RowTask task : tasks) {
      calls.add(() -> {
        for (long from; (from = taken.getAndAdd(chunk)) < first + count; ) {
          for (long row = from; row < Math.min(first + count, from + chunk); row++) {
            String wrong = task.row(row);
            if (!wrong.isEmpty()) {
              throw new ModelFormatException(
                  "%s: tensor %s, row %d%s"
                      .formatted(tensor.file().path(), tensor.name(), row, wrong));
            }
          }
        }
        return null;
      });
    }
    try {
      for (Future<Void> future : encoders.invokeAll(calls)) {
        await(future);
      }
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  /** A slice that is not being written, of a size. */
  private MemorySegment slice(long bytes) {
    if (slices[next].byteSize() < bytes) {
      slices[next] = arena.allocate(Math.max(bytes, SLICE), 64);
    }
    MemorySegment slice = slices[next].asSlice(0, bytes);
    next = 1 - next;
    return slice;
  }

  /** Has a slice written when the one before it is. */
  private void submit(MemorySegment slice) throws IOException {
    finish();
    writing =
        output.submit(() -> {
          writer.write(slice);
          return null;
        });
  }

  /** Waits until all is written. */
  void finish() throws IOException {
    if (writing != null) {
      try {
        await(writing);
      } catch (InterruptedException e) {
        throw interrupted(e);
      } finally {
        writing = null;
      }
    }
  }

  private static IOException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new java.io.InterruptedIOException(String.valueOf(e.getMessage()));
  }

  private static void await(Future<?> future) throws IOException, InterruptedException {
    try {
      future.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException file -> throw file;
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw new IllegalStateException(e);
      }
    }
  }

  @Override
  public void close() {
    encoders.shutdown();
    output.shutdown();
    try {
      // A slice that is still being written must not lose its memory.
      boolean _ = output.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
      boolean _ = encoders.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    arena.close();
  }
}
