package jllm.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/**
 * What {@link TrainingKernels} does with rounded logits, on a backend of the host that has none: to
 * compare with. Each method is that of the same name.
 */
record PlainLoss(Backend backend) {
  void roundedLogits(Tensor logits, Tensor x, Tensor w) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor exact = floats(arena, x.rows(), w.dim(0));
      backend.linear(exact, x, w, null);
      round(logits, exact, arena);
    }
  }

  void crossEntropyRounded(
      Tensor losses, Tensor logits, Tensor targets, int columns, float factor) {
    TrainingKernels kernels = backend.training();
    try (Arena arena = Arena.ofConfined()) {
      Tensor exact = exact(logits, columns, arena);
      Tensor lse = floats(arena, exact.rows(), 1);
      Tensor dlosses = floats(arena, exact.rows(), 1);
      kernels.crossEntropy(losses, lse, exact, targets);
      kernels.fill(dlosses, factor);
      kernels.crossEntropyBackward(exact, dlosses, lse, targets);
      round(logits, exact, arena);
    }
  }

  void rescaleRounded(Tensor dlogits, Tensor dlosses, float factor) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor exact = exact(dlogits, dlogits.columns(), arena);
      for (int row = 0; row < exact.rows(); row++) {
        float ratio = dlosses.segment().getAtIndex(ValueLayout.JAVA_FLOAT, row) / factor;
        for (int c = 0; c < exact.columns(); c++) {
          long at = (long) row * exact.columns() + c;
          float value = exact.segment().getAtIndex(ValueLayout.JAVA_FLOAT, at);
          exact.segment().setAtIndex(ValueLayout.JAVA_FLOAT, at, ratio == 0 ? 0 : value * ratio);
        }
      }
      round(dlogits, exact, arena);
    }
  }

  void linearBackward(
      @Nullable Tensor dx,
      @Nullable Tensor dw,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      Tensor w,
      boolean add) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor exact = exact(dout, w.dim(0), arena);
      backend.training().linearBackward(dx, dw, dbias, exact, x, w, add);
    }
  }

  private static Tensor floats(Arena arena, int rows, int columns) {
    return Tensor.allocate(arena, DType.F32, Shape.of(rows, columns));
  }

  /** The first columns of rounded rows. */
  private static Tensor exact(Tensor rounded, int columns, Arena arena) {
    Tensor exact = floats(arena, rounded.rows(), columns);
    copyRows(exact, Conversions.convert(rounded, DType.F32, arena));
    return exact;
  }

  /** Rounds to rows that are as long or longer, with zeros at their ends. */
  private static void round(Tensor rounded, Tensor exact, Arena arena) {
    Tensor wide = floats(arena, rounded.rows(), rounded.columns());
    copyRows(wide, exact);
    MemorySegment rows = Conversions.convert(wide, DType.BF16, arena).segment();
    MemorySegment.copy(rows, 0, rounded.segment(), 0, rounded.storage().byteSize());
  }

  /** As many columns as both have. */
  private static void copyRows(Tensor to, Tensor from) {
    int columns = Math.min(to.columns(), from.columns());
    for (int row = 0; row < to.rows(); row++) {
      MemorySegment.copy(
          from.segment(),
          DType.F32.bytes((long) row * from.columns()),
          to.segment(),
          DType.F32.bytes((long) row * to.columns()),
          DType.F32.bytes(columns));
    }
  }
}
