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
  private MemorySegment memory = arena.allocate(FIRST_CHUNK, Tensor.ALIGNMENT);
  private long top;

  /**
   * Bytes of the tensors that did not fit into {@link #memory} in this step; they live in the same
   * arena.
   */
  private long overflow;

  /**
   * What was handed out in the step, in order; beyond {@link #count}, what an earlier step got
   * there.
   */
  private final List<@Nullable Known> known = new ArrayList<>();

  private int count;

  /** Starts a step: everything handed out before is void. */
  void reset() {
    if (overflow > 0) {
      long size = Math.max(memory.byteSize() * 2, memory.byteSize() + overflow);
      arena.close();
      arena = Arena.ofShared();
      memory = arena.allocate(size, Tensor.ALIGNMENT);
      known.clear();
      overflow = 0;
    }
    top = 0;
    count = 0;
  }

  /** A position to return to with {@link #release}. */
  long mark() {
    return top;
  }

  /** A new tensor; its contents are undefined, since every kernel overwrites its output. */
  Tensor allocate(DType dtype, int rows, int columns) {
    long bytes = align(rows * dtype.bytes(columns));
    if (top + bytes > memory.byteSize()) {
      overflow += bytes;
      return remember(null, -1, Tensor.allocate(arena, dtype, Shape.of(rows, columns)));
    }
    long offset = top;
    top += bytes;
    Known before = next();
    if (before != null && before.is(null, offset, dtype, rows, columns)) {
      count++;
      return before.tensor();
    }
    return remember(
        null, offset, Tensor.of(memory.asSlice(offset, bytes), dtype, Shape.of(rows, columns)));
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
    top = mark;
    if (result != target) {
      long bytes = Tensor.byteSize(result.dtype(), result.shape());
      MemorySegment.copy(result.segment(), 0, target.segment(), 0, bytes);
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
    arena.close();
  }
}
