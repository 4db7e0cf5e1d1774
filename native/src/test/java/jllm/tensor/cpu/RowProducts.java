package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/** Compares products of a row with sums in double precision. */
final class RowProducts {
  private RowProducts() {}

  /** As below, of all results of a row from the first one on. */
  static void assertNear(
      Tensor out,
      int outRow,
      Tensor x,
      int xRow,
      Tensor w,
      int wRow,
      int outputs,
      @Nullable Tensor bias,
      double tolerance) {
    assertNear(out, outRow, 0, x, xRow, w, wRow, outputs, bias, tolerance);
  }

  /**
   * The error of some results of a row, relative to what independent terms of that size sum up to.
   */
  static void assertNear(
      Tensor out,
      int outRow,
      int firstOut,
      Tensor x,
      int xRow,
      Tensor w,
      int wRow,
      int outputs,
      @Nullable Tensor bias,
      double tolerance) {
    int inputs = x.columns();
    double error = 0;
    double size = 0;
    for (int o = 0; o < outputs; o++) {
      float[] row = Conversions.row(w, wRow + o);
      double expected = bias == null ? 0 : bias.segment().getAtIndex(JAVA_FLOAT, o);
      size += expected * expected;
      for (int i = 0; i < inputs; i++) {
        double term =
            (double) x.segment().getAtIndex(JAVA_FLOAT, (long) xRow * inputs + i) * row[i];
        expected += term;
        size += term * term;
      }
      double found =
          out.segment().getAtIndex(JAVA_FLOAT, (long) outRow * out.columns() + firstOut + o);
      error += (found - expected) * (found - expected);
    }
    double relative = Math.sqrt(error / Math.max(size, 1e-300));
    assertTrue(relative <= tolerance, w + " times " + x + ": relative error " + relative);
  }
}
