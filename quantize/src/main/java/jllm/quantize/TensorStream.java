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
  /** Bytes of an encoded slice, of which there are two. */
  private static final long SLICE = 16 << 20;

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

  /** Writes a tensor and returns its relative error. */
  double write(TensorPlan plan) throws IOException {
    StoredTensor tensor = plan.tensor();
    try (Arena mapping = Arena.ofShared()) {
      MemorySegment source = tensor.map(mapping);
      DType target = plan.target();
      if (target == null) {
        submit(source);
        finish();
        return 0;
      }
      double error = encode(tensor, source, target);
      finish();
      return error;
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
      long count = Math.min(atOnce, rows - row);
      MemorySegment slice = slice(count * rowBytes);
      encodeSlice(tensor, source, row, count, slice, rowEncoders);
      submit(slice);
    }
    double squares = rowEncoders.stream().mapToDouble(RowEncoder::squares).sum();
    double errors = rowEncoders.stream().mapToDouble(RowEncoder::errors).sum();
    return squares == 0 ? 0 : Math.sqrt(errors / squares);
  }

  private void encodeSlice(
      StoredTensor tensor,
      MemorySegment source,
      long first,
      long count,
      MemorySegment slice,
      List<RowEncoder> rowEncoders)
      throws IOException {
    AtomicLong taken = new AtomicLong();
    int chunk = Math.max(1, CHUNK / tensor.shape().columns());
    List<Callable<Void>> tasks = new ArrayList<>();
    for (RowEncoder encoder : rowEncoders) {
      tasks.add(() -> {
        for (long row; (row = taken.getAndAdd(chunk)) < count; ) {
          for (long r = row; r < Math.min(count, row + chunk); r++) {
            String wrong = encoder.encode(source, first + r, slice, r);
            if (!wrong.isEmpty()) {
              throw new ModelFormatException(
                  "%s: tensor %s, row %d %s"
                      .formatted(tensor.file().path(), tensor.name(), first + r, wrong));
            }
          }
        }
        return null;
      });
    }
    try {
      for (Future<Void> future : encoders.invokeAll(tasks)) {
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
      while (!output.awaitTermination(1, java.util.concurrent.TimeUnit.SECONDS)) {
        continue;
      }
      while (!encoders.awaitTermination(1, java.util.concurrent.TimeUnit.SECONDS)) {
        continue;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    arena.close();
  }
}
