package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.MatrixMath;
import jllm.tensor.quant.RandomBlocks;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Products whose operands are rounded, against the oracle's. */
class MatrixMathTest {
  private static final long SEED = 1;
  private static final double BF16_TOLERANCE = 1e-2;

  /** Rows, inputs, outputs. */
  private static final List<int[]> SIZES =
      List.of(new int[] {9, 7, 5}, new int[] {33, 100, 131}, new int[] {70, 256, 48});

  private interface Product {
    void run(Backend backend, Tensor... operands);
  }

  @ParameterizedTest
  @EnumSource(MatrixMath.class)
  void productsAreAsExactAsTheirOperands(MatrixMath math) {
    double tolerance =
        switch (math) {
          case F32 -> 1e-5;
          case TF32 -> 1e-3;
          case BF16 -> BF16_TOLERANCE;
        };
    try (CudaBackend device = CudaBackend.open(0, math, TestDevice.environment());
        ScalarBackend oracle = new ScalarBackend(DType.F32)) {
      for (int[] size : SIZES) {
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16, DType.Q4_K}) {
          if (type.divides(size[1])) {
            check(device, oracle, type, size, tolerance);
          }
        }
      }
    }
  }

  private static void check(
      Backend device, Backend oracle, DType type, int[] size, double tolerance) {
    Shape x = Shape.of(size[0], size[1]);
    Shape w = Shape.of(size[2], size[1]);
    Shape out = Shape.of(size[0], size[2]);
    DType[] types = {DType.F32, DType.F32, type};
    String what = type + " " + x + " " + w;
    compare(
        device,
        oracle,
        types,
        new Shape[] {out, x, w},
        (b, t) -> b.linear(t[0], t[1], t[2], null),
        tolerance,
        "linear " + what);
    compare(
        device,
        oracle,
        types,
        new Shape[] {x, out, w},
        (b, t) -> b.training().linearBackwardInput(t[0], t[1], t[2]),
        tolerance,
        "linearBackwardInput " + what);
    if (type == DType.F32 || type == DType.BF16) {
      DType[] floats = {DType.F32, DType.F32, DType.F32};
      compare(
          device,
          oracle,
          floats,
          new Shape[] {w, out, x},
          (b, t) -> b.training().linearBackwardWeight(t[0], t[1], t[2], type),
          tolerance,
          "linearBackwardWeight " + what);
    }
  }

  private static void compare(
      Backend device,
      Backend oracle,
      DType[] types,
      Shape[] shapes,
      Product product,
      double tolerance,
      String what) {
    try (Arena arena = Arena.ofConfined();
        Memory memory = device.memory()) {
      Tensor[] host = new Tensor[types.length];
      Tensor[] copies = new Tensor[types.length];
      SplittableRandom random = new SplittableRandom(SEED);
      for (int i = 0; i < types.length; i++) {
        host[i] = Tensor.allocate(arena, types[i], shapes[i]);
        RandomBlocks.fill(host[i], random, 1);
        copies[i] = memory.tensor(types[i], shapes[i]);
        device.upload(copies[i], host[i].segment());
      }
      product.run(device, copies);
      product.run(oracle, host);
      Tensor found = Tensor.allocate(arena, types[0], shapes[0]);
      device.download(found.segment(), copies[0]);
      double error = relativeError(found, host[0]);
      assertTrue(error <= tolerance, what + ", seed " + SEED + ": " + error);
    }
  }

  private static double relativeError(Tensor found, Tensor expected) {
    double squares = 0;
    double norm = 0;
    for (long i = 0; i < expected.shape().elements(); i++) {
      double own = expected.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
      double difference = found.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i) - own;
      squares += difference * difference;
      norm += own * own;
    }
    return Math.sqrt(squares / norm);
  }
}
