package jllm.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * A dense array: element type, shape, and the memory that holds it. It does not own that memory:
 * the arena of a model, a session or a step does, and a tensor is never closed.
 */
public final class Tensor {
  /** Rows start at cache-line boundaries where the allocator is ours. */
  public static final long ALIGNMENT = 64;

  private final DType dtype;
  private final Shape shape;
  private final Storage storage;

  public Tensor(DType dtype, Shape shape, Storage storage) {
    if (!(storage instanceof Storage.Packed) && storage.byteSize() < byteSize(dtype, shape)) {
      throw new IllegalArgumentException(
          "a tensor "
              + dtype
              + shape
              + " needs "
              + byteSize(dtype, shape)
              + " bytes; the storage has "
              + storage.byteSize());
    }
    this.dtype = dtype;
    this.shape = shape;
    this.storage = storage;
  }

  /** A view of host memory, row-major. */
  public static Tensor of(MemorySegment segment, DType dtype, Shape shape) {
    return new Tensor(dtype, shape, new Storage.Rows(segment));
  }

  /** New host memory, zeroed, row-major. */
  public static Tensor allocate(SegmentAllocator allocator, DType dtype, Shape shape) {
    return of(allocator.allocate(Math.max(1, byteSize(dtype, shape)), ALIGNMENT), dtype, shape);
  }

  /** Bytes of a row-major tensor: rows times whole blocks. */
  public static long byteSize(DType dtype, Shape shape) {
    return Math.multiplyExact(shape.rows(), dtype.bytes(shape.columns()));
  }

  public DType dtype() {
    return dtype;
  }

  public Shape shape() {
    return shape;
  }

  public Storage storage() {
    return storage;
  }

  public int dim(int axis) {
    return shape.dim(axis);
  }

  public int columns() {
    return shape.columns();
  }

  /** The product of all dimensions but the last, which must fit an int. */
  public int rows() {
    return Math.toIntExact(shape.rows());
  }

  public boolean isPacked() {
    return storage instanceof Storage.Packed;
  }

  /**
   * The host memory of a row-major tensor.
   *
   * @throws IllegalStateException if the tensor is packed for a backend, or on another device
   */
  public MemorySegment segment() {
    if (storage instanceof Storage.Rows rows) {
      return rows.segment();
    }
    throw new IllegalStateException(
        "the elements of "
            + this
            + (storage instanceof Storage.Device
                ? " are not in the memory of the host"
                : " are not in row-major order"));
  }

  /** Whether the host can read the elements, as {@link #segment} gives them. */
  public boolean isOnHost() {
    return storage instanceof Storage.Rows;
  }

  /** A view of {@code count} entries of the outermost dimension, from {@code from} on. */
  public Tensor slice(int from, int count) {
    int outer = shape.dim(0);
    if (from < 0 || count < 0 || from > outer - count) {
      throw new IndexOutOfBoundsException("entries " + from + "..+" + count + " of " + this);
    }
    int[] dims = new int[shape.rank()];
    for (int axis = 0; axis < dims.length; axis++) {
      dims[axis] = shape.dim(axis);
    }
    dims[0] = count;
    Shape sliced = Shape.of(dims);
    long stride = outer == 0 ? 0 : byteSize(dtype, shape) / outer;
    Storage part = storage.slice(from * stride, byteSize(dtype, sliced));
    return new Tensor(dtype, sliced, part);
  }

  /** A view of the same elements with other dimensions; quantized rows keep their length. */
  public Tensor reshape(int... dims) {
    Shape reshaped = Shape.of(dims);
    if (reshaped.elements() != shape.elements()
        || (dtype.isQuantized() && reshaped.columns() != shape.columns())) {
      throw new IllegalArgumentException("cannot view " + this + " as " + reshaped);
    }
    return new Tensor(dtype, reshaped, storage);
  }

  /** Type, shape and packing, such as {@code Q8_0[2048, 2048] il16}. */
  @Override
  public String toString() {
    return dtype
        + shape.toString()
        + switch (storage) {
          case Storage.Rows _ -> "";
          case Storage.Packed packed -> " " + packed.packing().name();
          case Storage.Device _ -> " on the device";
        };
  }
}
