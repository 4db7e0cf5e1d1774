package jllm.tensor;

import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** What {@link Exec} demands of operands. Nothing here allocates unless it fails. */
final class Checks {
  private Checks() {}

  static void fits(boolean fits, String operation, Tensor a, @Nullable Tensor b) {
    if (!fits) {
      throw new IllegalArgumentException(
          operation + ": the shapes do not fit: " + a + (b == null ? "" : " and " + b));
    }
  }

  static void typed(Tensor found, DType expected, String operation) {
    if (found.dtype() != expected) {
      throw new IllegalArgumentException(
          operation + ": found " + found + " where " + expected + " is expected");
    }
  }

  /**
   * Each of I32 {@code ids} is from {@code least} to {@code limit - 1}; what is on a device was
   * checked by whoever copied it there.
   */
  static void ids(Tensor ids, int least, int limit, String operation, Tensor of) {
    typed(ids, DType.I32, operation);
    if (!ids.isOnHost()) {
      return;
    }
    long count = ids.shape().elements();
    for (long i = 0; i < count; i++) {
      int id = ids.segment().getAtIndex(ValueLayout.JAVA_INT, i);
      if (id < least || id >= limit) {
        throw new IllegalArgumentException(
            operation + ": id " + id + " at place " + i + "; " + of + " has " + limit);
      }
    }
  }
}
