package jllm.contract;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/** A tensor twice: as the oracle sees it, and as the backend under test does. */
final class Operand {
  private static final long GUARD = 128;
  private static final byte PATTERN = 0x5a;

  private final Tensor exact;
  private final Tensor tested;

  /** The memory around {@link #tested}, which nobody may write; absent for weights. */
  private final @Nullable MemorySegment surroundings;

  private boolean result;

  Operand(Tensor exact, Tensor tested) {
    this(exact, tested, null);
  }

  private Operand(Tensor exact, Tensor tested, @Nullable MemorySegment surroundings) {
    this.exact = exact;
    this.tested = tested;
    this.surroundings = surroundings;
  }

  /**
   * Two tensors of which the tested one lies between guard bytes. Both are filled with ones: NaN
   * and -1.
   *
   * @param shift bytes by which the tested one is moved from an alignment of 64
   */
  static Operand guarded(
      SegmentAllocator arena, DType exactType, DType testedType, Shape shape, int shift) {
    Tensor exact = Tensor.allocate(arena, exactType, shape);
    long bytes = Tensor.byteSize(testedType, shape);
    MemorySegment around = arena.allocate(bytes + 2 * GUARD, Tensor.ALIGNMENT);
    around.fill(PATTERN);
    MemorySegment inner = around.asSlice(GUARD / 2 + shift, bytes);
    inner.fill((byte) -1);
    exact.segment().fill((byte) -1);
    return new Operand(exact, Tensor.of(inner, testedType, shape), around);
  }

  /** The same operand seen with other dimensions. */
  Operand reshape(int... dims) {
    return new Operand(exact.reshape(dims), tested.reshape(dims), surroundings);
  }

  Tensor exact() {
    return exact;
  }

  Tensor tested() {
    return tested;
  }

  int rows() {
    return tested.rows();
  }

  int columns() {
    return tested.columns();
  }

  /** All the memory that belongs to the tested tensor: with what nobody may write. */
  MemorySegment region() {
    return surroundings == null ? tested.segment() : surroundings;
  }

  /** Says that the operation overwrites this operand. */
  Operand asResult() {
    result = true;
    return this;
  }

  /** Sets element {@code index} in both. */
  void set(long index, double value) {
    put(exact, index, value);
    put(tested, index, value);
  }

  private static void put(Tensor tensor, long index, double value) {
    switch (tensor.dtype()) {
      case F64 -> tensor.segment().setAtIndex(ValueLayout.JAVA_DOUBLE, index, value);
      case F32 -> tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, index, (float) value);
      case I32 -> tensor.segment().setAtIndex(ValueLayout.JAVA_INT, index, (int) value);
      default -> throw new IllegalArgumentException(tensor.toString());
    }
  }

  double[] exactValues() {
    return values(exact);
  }

  double[] testedValues() {
    return values(tested);
  }

  static double[] values(Tensor tensor) {
    double[] values = new double[Math.toIntExact(tensor.shape().elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.dtype()) {
            case F64 -> tensor.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, i);
            case F32 -> tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
            case I32 -> tensor.segment().getAtIndex(ValueLayout.JAVA_INT, i);
            default -> throw new IllegalArgumentException(tensor.toString());
          };
    }
    return values;
  }

  /** The squares of the elements as the oracle sees them, decoded, F64. */
  Tensor squares(SegmentAllocator arena) {
    Tensor squares = Tensor.allocate(arena, DType.F64, exact.shape());
    long index = 0;
    for (int row = 0; row < exact.rows(); row++) {
      for (float value : Conversions.row(exact, row)) {
        put(squares, index++, (double) value * value);
      }
    }
    return squares;
  }

  /** What is wrong with this operand after an operation, if it was written where it must not be. */
  @Nullable String damage() {
    if (surroundings != null) {
      long from = tested.segment().address() - surroundings.address();
      long bytes = Tensor.byteSize(tested.dtype(), tested.shape());
      for (long i = 0; i < surroundings.byteSize(); i = i + 1 == from ? from + bytes : i + 1) {
        if (surroundings.get(ValueLayout.JAVA_BYTE, i) != PATTERN) {
          return "wrote at byte " + (i - from) + " of " + tested + ", which has " + bytes;
        }
      }
    }
    return result || surroundings == null ? null : inputDamage();
  }

  private @Nullable String inputDamage() {
    double[] before = exactValues();
    double[] after = testedValues();
    for (int i = 0; i < before.length; i++) {
      double expected = tested.dtype() == DType.F32 ? (float) before[i] : before[i];
      if (Double.compare(expected, after[i]) != 0) {
        return "changed element " + i + " of the input " + tested + " to " + after[i];
      }
    }
    return null;
  }
}
