package jllm.tensor;

import java.lang.foreign.MemorySegment;

/** Where the elements of a tensor are, and in which order. */
public sealed interface Storage {

  /** Bytes occupied. */
  long byteSize();

  /**
   * Off-heap host memory, row-major, blocks as their {@link DType} describes them. Every backend on
   * the host reads it.
   */
  record Rows(MemorySegment segment) implements Storage {
    public Rows {
      if (!segment.isNative()) {
        // A kernel that sees both heap and native segments at one call site runs several times
        // slower.
        throw new IllegalArgumentException("tensors live off-heap; found a heap segment");
      }
    }

    @Override
    public long byteSize() {
      return segment.byteSize();
    }
  }

  /**
   * A weight rearranged once by a backend for its own kernels; only that backend reads it.
   *
   * @param packing the order of the elements, known to the backend that made it
   */
  record Packed(MemorySegment segment, Packing packing) implements Storage {
    @Override
    public long byteSize() {
      return segment.byteSize();
    }
  }

  /** Names an order of elements private to a backend. */
  interface Packing {
    /** For error messages, such as {@code il16}. */
    String name();
  }
}
