package jllm.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Stack-like memory for the activations of one step, reused by the next. The tensors of a step come
 * in the same order each time, so their Java objects are kept too: after the first step of a shape
 * nothing is allocated on the heap.
 *
 * <p>A step that needs more than there is gets further chunks; the next one starts with a single
 * chunk as large as was needed at once, without what did not fit into the ends of chunks.
 */
final class Slab implements AutoCloseable {
  private static final long FIRST_CHUNK = 1 << 20;

  /**
   * A tensor handed out before: at {@code offset} of the slab, or of {@code base} if it is a view.
   */
  private record Known(Tensor tensor, @Nullable Tensor base, long offset) {
    boolean is(@Nullable Tensor base, long offset, DType dtype, int rows, int columns) {
      return this.base == base
          && this.offset == offset
          && tensor.dtype() == dtype
          && tensor.dim(0) == rows
          && tensor.dim(1) == columns;
    }
  }

  private final Supplier<Memory> device;
  private Memory memory;

  /** Addresses of the slab run through the chunks one after the other. */
  private final List<Storage> chunks = new ArrayList<>();

  /** Of each chunk, bytes at its end that are left out below {@link #top}. */
  private final List<Long> gaps = new ArrayList<>();

  private long top;

  /** The highest {@link #top} since the chunks were made, but for gaps below it. */
  private long peak;

  /**
   * What was handed out in the step, in order; beyond {@link #count}, what an earlier step got
   * there.
   */
  private final List<@Nullable Known> known = new ArrayList<>();

  private int count;

  /**
   * @param device where the memory comes from
   */
  Slab(Supplier<Memory> device) {
    this.device = device;
    this.memory = device.get();
    addChunk(FIRST_CHUNK);
  }

  /** Starts a step: everything handed out before is void. */
  void reset() {
    if (chunks.size() > 1) {
      memory.close();
      chunks.clear();
      gaps.clear();
      known.clear();
      memory = device.get();
      addChunk(peak);
    }
    top = 0;
    peak = 0;
    count = 0;
  }

  /** Bytes held. */
  long capacity() {
    long bytes = 0;
    for (Storage chunk : chunks) {
      bytes += chunk.byteSize();
    }
    return bytes;
  }

  /** A position to return to with {@link #release}. */
  long mark() {
    return top;
  }

  /** A new tensor; its contents are undefined, since every kernel overwrites its output. */
  Tensor allocate(DType dtype, int rows, int columns) {
    long bytes = rows * dtype.bytes(columns);
    long offset = reserve(align(Math.max(1, bytes)));
    Known before = next();
    if (before != null && before.is(null, offset, dtype, rows, columns)) {
      count++;
      return before.tensor();
    }
    return remember(null, offset, new Tensor(dtype, Shape.of(rows, columns), slice(offset, bytes)));
  }

  private void addChunk(long bytes) {
    chunks.add(memory.reserve(bytes));
    gaps.add(0L);
  }

  /** Moves {@link #top} behind so many bytes in one chunk, and returns where they begin. */
  private long reserve(long bytes) {
    long start = 0;
    long below = 0;
    for (int i = 0; i < chunks.size(); i++) {
      long end = start + chunks.get(i).byteSize();
      long offset = Math.max(top, start);
      if (offset + bytes <= end) {
        top = offset + bytes;
        peak = Math.max(peak, top - below);
        return offset;
      }
      if (offset < end) {
        gaps.set(i, end - offset);
      }
      below += gaps.get(i);
      start = end;
    }
    addChunk(Math.max(bytes, start));
    return reserve(bytes);
  }

  private Storage slice(long offset, long bytes) {
    int i = 0;
    while (offset >= chunks.get(i).byteSize()) {
      offset -= chunks.get(i++).byteSize();
    }
    return chunks.get(i).slice(offset, bytes);
  }

  /** A tensor over part of the memory of {@code base}, from byte {@code offset} on. */
  Tensor view(Tensor base, long offset, int rows, int columns) {
    Known before = next();
    if (before != null && before.is(base, offset, base.dtype(), rows, columns)) {
      count++;
      return before.tensor();
    }
    Storage part = base.storage().slice(offset, rows * base.dtype().bytes(columns));
    return remember(base, offset, new Tensor(base.dtype(), Shape.of(rows, columns), part));
  }

  /** Drops everything allocated since {@code mark}. */
  void release(long mark) {
    top = mark;
    long end = 0;
    for (int i = 0; i < chunks.size(); i++) {
      end += chunks.get(i).byteSize();
      if (end > mark) {
        gaps.set(i, 0L);
      }
    }
  }

  private @Nullable Known next() {
    return count < known.size() ? known.get(count) : null;
  }

  private Tensor remember(@Nullable Tensor base, long offset, Tensor tensor) {
    Known entry = new Known(tensor, base, offset);
    if (count < known.size()) {
      known.set(count, entry);
    } else {
      known.add(entry);
    }
    count++;
    return tensor;
  }

  private static long align(long bytes) {
    return (bytes + Tensor.ALIGNMENT - 1) & -Tensor.ALIGNMENT;
  }

  @Override
  public void close() {
    memory.close();
  }
}
