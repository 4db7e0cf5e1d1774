package jllm.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** Operations on each element by itself, and copies of rows. */
interface ElementwiseContract extends Subject {

  /** An operation of two inputs on one side of a trial. */
  interface Binary {
    void on(Backend backend, Tensor out, Tensor a, Tensor b);
  }

  /** An operation of one input on one side of a trial. */
  interface Unary {
    void on(Backend backend, Tensor out, Tensor x);
  }

  @Test
  default void add() {
    binary("add", (backend, out, a, b) -> backend.add(out, a, b));
  }

  @Test
  default void mul() {
    binary("mul", (backend, out, a, b) -> backend.mul(out, a, b));
  }

  @Test
  default void scale() {
    for (float factor : new float[] {0, 1, -2.5f, 1e-20f, 1e20f}) {
      unary("scale by " + factor, 1, 1e-6, (backend, out, x) -> backend.scale(out, x, factor));
    }
  }

  @Test
  default void softCap() {
    for (float cap : new float[] {0.5f, 30, 50}) {
      for (double size : new double[] {1e-30, 1e-3, 1, 30, 1e4, 1e30}) {
        unary("softCap " + cap, size, 1e-5, (backend, out, x) -> backend.softCap(out, x, cap));
      }
    }
  }

  @Test
  default void copyRows() {
    for (int width : Sizes.WIDTHS) {
      for (int rows : new int[] {1, 2, 13}) {
        for (int at : new int[] {0, 1, 7}) {
          try (Trial trial =
              new Trial(backend(), "copyRows " + rows + " of " + width + " at " + at)) {
            Operand cache = trial.normal(at + rows + 2, width, 1).asResult();
            Operand x = trial.normal(rows, width, 1);
            trial.run((b, side) -> b.copyRows(side.of(cache), at, side.of(x)));
            trial.assertEach(cache, 0, 0);
          }
        }
      }
    }
  }

  /** A cache of fewer bits holds what the format's own encoder makes of the rows. */
  @Test
  default void copyRowsIntoOtherTypes() {
    for (DType type : new DType[] {DType.F16, DType.BF16, DType.Q8_0}) {
      for (int width : new int[] {1, 7, 32, 96, 160}) {
        if (!backend().readsCacheOf(type) || !type.divides(width)) {
          continue;
        }
        for (double size : new double[] {0, 1e-40, 1, 100}) {
          String what = "copyRows of " + width + " to " + type + ", values of " + size;
          try (Trial trial = new Trial(backend(), what)) {
            Operand x = trial.normal(3, width, size);
            Operand all = trial.roundedOut(type, Shape.of(3, width));
            trial.run((b, side) -> b.copyRows(side.of(all), 0, side.of(x)));
            trial.assertIsRounded(all, x);
            Operand cache = trial.roundedOut(type, Shape.of(9, width));
            trial.run((b, side) -> b.copyRows(side.of(cache), 4, side.of(x)));
            long from = 4 * type.bytes(width);
            long mismatch =
                MemorySegment.mismatch(
                    cache.tested().segment(),
                    from,
                    from + 3 * type.bytes(width),
                    all.tested().segment(),
                    0,
                    3 * type.bytes(width));
            assertEquals(-1, mismatch, what);
          }
        }
      }
    }
  }

  private void binary(String name, Binary operation) {
    for (int width : Sizes.WIDTHS) {
      for (int rows : Sizes.ROWS) {
        try (Trial trial = new Trial(backend(), name + " of width " + width + ", rows " + rows)) {
          Operand a = trial.normal(rows, width, 1);
          Operand b = trial.normal(rows, width, 1);
          Operand out = trial.out(rows, width);
          trial.run((on, side) -> operation.on(on, side.of(out), side.of(a), side.of(b)));
          trial.assertEach(out, 1e-7, 0);
          Operand inPlace = a.asResult();
          trial.run((on, side) -> operation.on(on, side.of(inPlace), side.of(inPlace), side.of(b)));
          trial.assertEach(inPlace, 1e-7, 0);
        }
      }
    }
  }

  private void unary(String name, double size, double tolerance, Unary operation) {
    for (int width : Sizes.WIDTHS) {
      for (int rows : new int[] {1, 3, 33}) {
        try (Trial trial =
            new Trial(backend(), name + " of " + size + ", width " + width + ", rows " + rows)) {
          Operand x = trial.normal(rows, width, size);
          Operand out = trial.out(rows, width);
          trial.run((on, side) -> operation.on(on, side.of(out), side.of(x)));
          trial.assertEach(out, tolerance, 1e-37);
          Operand inPlace = x.asResult();
          trial.run((on, side) -> operation.on(on, side.of(inPlace), side.of(inPlace)));
          trial.assertEach(inPlace, tolerance, 1e-37);
        }
      }
    }
  }
}
