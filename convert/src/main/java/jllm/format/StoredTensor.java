package jllm.format;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A tensor as a file lists it. Offset and size were checked against the file.
 *
 * @param name as in the file
 * @param type the file's name of the element type, such as {@code Q4_K} or {@code I64}
 * @param dtype that type as this program computes with it; absent if it does not
 * @param shape outermost dimension first
 * @param offset of its first byte in the file
 * @param bytes of its elements
 * @param strides elements from one index to the next in each dimension; empty if it is row-major
 */
public record StoredTensor(
    String name,
    String type,
    @Nullable DType dtype,
    Shape shape,
    MappedFile file,
    long offset,
    long bytes,
    List<Long> strides) {

  /** Stored row-major. */
  public StoredTensor(
      String name,
      String type,
      @Nullable DType dtype,
      Shape shape,
      MappedFile file,
      long offset,
      long bytes) {
    this(name, type, dtype, shape, file, offset, bytes, List.of());
  }

  /**
   * The elements, row-major and read-only: the file's own bytes, or a copy if they are stored in
   * another order.
   */
  public MemorySegment map(Arena arena) throws IOException {
    if (strides.isEmpty()) {
      return file.map(offset, bytes, arena);
    }
    MemorySegment out = arena.allocate(bytes, Tensor.ALIGNMENT);
    try (Arena mapping = Arena.ofConfined()) {
      long size = bytes / shape.elements();
      long span = 1;
      for (int axis = 0; axis < shape.rank(); axis++) {
        span += (shape.dim(axis) - 1) * strides.get(axis);
      }
      StridedCopy.run(file.map(offset, span * size, mapping), out, shape, strides, (int) size);
    }
    return out.asReadOnly();
  }

  /** Type and shape for messages, such as {@code Q4_K[512, 256]}. */
  public String describe() {
    return type + shape;
  }

  /**
   * The element type.
   *
   * @throws ModelFormatException if this program does not compute with it
   */
  public DType requireType() {
    if (dtype == null) {
      throw new ModelFormatException(
          file.path()
              + ": tensor "
              + name
              + " is of type "
              + type
              + ", which this program does not compute with; it knows "
              + Arrays.toString(DType.values()));
    }
    return dtype;
  }
}
