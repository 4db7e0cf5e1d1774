package jllm.tensor;

import java.lang.foreign.MemorySegment;

/** Where the elements of a tensor are, and in which order. */
public sealed interface Storage {

  /** Bytes occupied. */
  long byteSize();

  /**
   * A part of it.
   *
   * @throws IllegalStateException if the order of the elements is private to a backend
   */
  Storage slice(long offset, long bytes);

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

    @Override
    public Storage slice(long offset, long bytes) {
      return new Rows(segment.asSlice(offset, bytes));
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

    @Override
    public Storage slice(long offset, long bytes) {
      throw new IllegalStateException(
          "elements packed as " + packing.name() + " are not in row-major order");
    }
  }

  /**
   * Memory of another device, row-major, blocks as their {@link DType} describes them: an address
   * that means nothing to the host. {@link Backend#upload} and {@link Backend#download} copy.
   */
  record Device(long address, long byteSize) implements Storage {
    @Override
    public Storage slice(long offset, long bytes) {
      if (offset < 0 || bytes < 0 || offset > byteSize - bytes) {
        throw new IndexOutOfBoundsException(
            "bytes " + offset + "..+" + bytes + " of " + byteSize + " on a device");
      }
      return new Device(address + offset, bytes);
    }
  }

  /** Names an order of elements private to a backend. */
  interface Packing {
    /** For error messages, such as {@code il16}. */
    String name();
  }
}
