package jllm.format;

import java.util.Arrays;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import org.jspecify.annotations.Nullable;

/**
 * A tensor as a file lists it. Offset and size were checked against the file.
 *
 * @param name as in the file
 * @param type the file's name of the element type, such as {@code Q4_K} or {@code I64}
 * @param dtype that type as this program computes with it; absent if it does not
 * @param shape outermost dimension first
 * @param offset of its first byte in the file
 */
public record StoredTensor(
    String name,
    String type,
    @Nullable DType dtype,
    Shape shape,
    MappedFile file,
    long offset,
    long bytes) {

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
