package jllm.tensor;

import java.util.Arrays;

/**
 * The dimensions of a tensor, outermost first; row-major, so the last one is contiguous in memory.
 */
public final class Shape {
  private final int[] dims;
  private final long elements;

  private Shape(int[] dims) {
    if (dims.length == 0) {
      throw new IllegalArgumentException("a shape needs at least one dimension");
    }
    long product = 1;
    for (int dim : dims) {
      if (dim < 0) {
        throw new IllegalArgumentException("negative dimension in " + Arrays.toString(dims));
      }
      product = Math.multiplyExact(product, (long) dim);
    }
    this.dims = dims;
    this.elements = product;
  }

  public static Shape of(int... dims) {
    return new Shape(dims.clone());
  }

  public int rank() {
    return dims.length;
  }

  /** The size of dimension {@code axis}; negative values count from the last. */
  public int dim(int axis) {
    return dims[axis < 0 ? dims.length + axis : axis];
  }

  public long elements() {
    return elements;
  }

  /** The size of the last dimension. */
  public int columns() {
    return dims[dims.length - 1];
  }

  /** The product of all dimensions but the last. */
  public long rows() {
    return columns() == 0 ? 0 : elements / columns();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape that && Arrays.equals(dims, that.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /** Such as {@code [32, 4096]}. */
  @Override
  public String toString() {
    return Arrays.toString(dims);
  }
}
