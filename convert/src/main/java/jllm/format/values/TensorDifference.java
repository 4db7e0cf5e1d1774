package jllm.format.values;

import jllm.tensor.Shape;
import org.jspecify.annotations.Nullable;

/** What was found where two models were compared at a tensor. */
public sealed interface TensorDifference {
  String name();

  /** Only one of the models has it. */
  record Missing(String name, boolean inFirst) implements TensorDifference {}

  /** The shapes differ. */
  record Shapes(String name, Shape first, Shape second) implements TensorDifference {}

  /**
   * Types or values differ, or neither.
   *
   * @param values absent where the types hold no real numbers
   * @param equal whether the values are the same (for other types: the bytes)
   */
  record Values(
      String name,
      String firstType,
      String secondType,
      @Nullable ValueDifference values,
      boolean equal)
      implements TensorDifference {

    /** Whether both have it in the same type with the same values. */
    public boolean isSame() {
      return equal && firstType.equals(secondType);
    }
  }
}
