package jllm.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Stack-like memory for the activations of one step, reused by the next. The tensors of a step come
 * in the same order each time, so their Java objects are kept too: after the first step of a shape
 * nothing is allocated on the heap.
 *
 * <p>A step that needs more than there is gets further chunks; the next one starts with a single
 * chunk as large as was needed at once.
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

  private Arena arena = Arena.ofShared();

  /** Addresses of the slab run through the chunks one after the other. */
  private final List<MemorySegment> chunks = new ArrayList<>();

  private long top;

  /** The highest {@link #top} since the chunks were made. */
  private long peak;

  /**
   * What was handed out in the step, in order; beyond {@link #count}, what an earlier step got
   * there.
   */
  private final List<@Nullable Known> known = new ArrayList<>();

  private int count;

  Slab() {
    chunks.add(arena.allocate(FIRST_CHUNK, Tensor.ALIGNMENT));
  }

  /** Starts a step: everything handed out before is void. */
  void reset() {
    if (chunks.size() > 1) {
      arena.close();
      chunks.clear();
      known.clear();
      arena = Arena.ofShared();
      chunks.add(arena.allocate(peak, Tensor.ALIGNMENT));
    }
    top = 0;
    peak = 0;
    count = 0;
  }

  /** Bytes held. */
  long capacity() {
    long bytes = 0;
    for (MemorySegment chunk : chunks) {
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
    return remember(null, offset, Tensor.of(slice(offset, bytes), dtype, Shape.of(rows, columns)));
  }

  /** Moves {@link #top} behind so many bytes in one chunk, and returns where they begin. */
  private long reserve(long bytes) {
    long start = 0;
    for (int i = 0; i < chunks.size(); i++) {
      long end = start + chunks.get(i).byteSize();
      long offset = Math.max(top, start);
      if (offset + bytes <= end) {
        top = offset + bytes;
        peak = Math.max(peak, top);
        return offset;
      }
      start = end;
    }
    chunks.add(arena.allocate(Math.max(bytes, start), Tensor.ALIGNMENT));
    return reserve(bytes);
  }

  private MemorySegment slice(long offset, long bytes) {
    int i = 0;
    while (offset >= chunks.get(i).byteSize()) {
      offset -= chunks.get(i++).byteSize();
    }
    return chunks.get(i).asSlice(offset, bytes);
  }

  /** A tensor over part of the memory of {@code base}, from byte {@code offset} on. */
  Tensor view(Tensor base, long offset, int rows, int columns) {
    Known before = next();
    if (before != null && before.is(base, offset, base.dtype(), rows, columns)) {
      count++;
      return before.tensor();
    }
    MemorySegment part = base.segment().asSlice(offset, rows * base.dtype().bytes(columns));
    return remember(base, offset, Tensor.of(part, base.dtype(), Shape.of(rows, columns)));
  }

  /**
   * Drops everything allocated since {@code mark} but the elements of {@code result}, which move
   * into {@code target}, a tensor of the same shape from before it.
   */
  void release(long mark, Tensor result, Tensor target) {
    release(mark);
    if (result != target) {
      long bytes = Tensor.byteSize(result.dtype(), result.shape());
      MemorySegment.copy(result.segment(), 0, target.segment(), 0, bytes);
    }
  }

  /** Drops everything allocated since {@code mark}. */
  void release(long mark) {
    top = mark;
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
    arena.close();
  }
}
