package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.FusedOperations;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.quant.Conversions;
import jllm.tensor.quant.RandomBlocks;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Linear layers with GELU in the product give what both give one after the other. */
class ActivatedProductsTest {
  private static final double ROUNDED = 2e-2;
  private static final int[] ROWS = {9, 33, 70};
  private static final int[][] SIZES = {{16, 8}, {64, 96}, {33, 136}};

  private final CudaBackend backend = TestDevice.rounding();
  private final FusedOperations fused = backend.fused();
  private final TrainingKernels training = backend.training();
  private final Memory memory = backend.memory();
  private final Arena arena = Arena.ofConfined();
  private final Random random = new Random(11);

  @AfterEach
  void close() {
    memory.close();
    arena.close();
  }

  private Tensor random(DType type, int... dims) {
    Tensor host = Tensor.allocate(arena, type, Shape.of(dims));
    RandomBlocks.fill(host, random, 0.5f);
    Tensor tensor = memory.tensor(type, host.shape());
    backend.upload(tensor, host.segment());
    return tensor;
  }

  private Tensor zeros(DType type, int... dims) {
    return memory.tensor(type, Shape.of(dims));
  }

  private float[] read(Tensor x) {
    return Conversions.convert(host(x), DType.F32, arena).segment().toArray(ValueLayout.JAVA_FLOAT);
  }

  private void assertNear(Tensor expected, Tensor found, String what) {
    float[] a = read(expected);
    float[] b = read(found);
    assertEquals(a.length, b.length);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < a.length; i++) {
      difference += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
      norm += (double) a[i] * a[i];
    }
    double error = Math.sqrt(difference / norm);
    assertTrue(error <= ROUNDED, what + ": " + error);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "Q8_0"})
  void linearLayersAndGelu(DType type) {
    for (int rows : ROWS) {
      for (int[] size : SIZES) {
        if (type == DType.Q8_0 && size[0] % 32 != 0) {
          continue;
        }
        Tensor x = random(DType.F32, rows, size[0]);
        Tensor w = random(type, size[1], size[0]);
        for (Tensor bias : new @Nullable Tensor[] {null, random(DType.F32, size[1])}) {
          String what = rows + " rows, " + size[0] + " to " + size[1];
          Tensor before = zeros(DType.F32, rows, size[1]);
          Tensor expected = zeros(DType.F32, rows, size[1]);
          backend.linear(before, x, w, bias);
          backend.activate(expected, before, Activation.GELU_TANH);
          Tensor out = zeros(DType.BF16, rows, size[1]);
          Tensor kept = zeros(DType.BF16, rows, size[1]);
          assertTrue(fused.activatedLinear(out, x, w, bias, Activation.GELU_TANH, null), what);
          assertNear(expected, out, what);
          Tensor again = zeros(DType.BF16, rows, size[1]);
          assertTrue(fused.activatedLinear(again, x, w, bias, Activation.GELU_TANH, kept), what);
          assertNear(expected, again, what);
          assertNear(before, kept, what);
        }
      }
    }
  }

  /** cuBLASLt knows one of them; results in float32 and few rows have other kernels. */
  @Test
  void whatItIsNotFor() {
    Tensor x = random(DType.F32, 20, 16);
    Tensor w = random(DType.BF16, 24, 16);
    Tensor out = zeros(DType.BF16, 20, 24);
    for (Activation activation : List.of(Activation.GELU_ERF, Activation.SILU, Activation.RELU)) {
      assertFalse(fused.activatedLinear(out, x, w, null, activation, null), activation.name());
    }
    Tensor exact = zeros(DType.F32, 20, 24);
    assertFalse(fused.activatedLinear(exact, x, w, null, Activation.GELU_TANH, null));
  }

  /** The derivative before the activation, and the weight's and the bias's, with one rounding. */
  @ParameterizedTest
  @EnumSource(Activation.class)
  void derivativesOfTheLayerBehind(Activation activation) {
    for (int rows : ROWS) {
      for (int[] size : SIZES) {
        String what = activation + ", " + rows + " rows, " + size[1] + " to " + size[0];
        Tensor before = random(DType.BF16, rows, size[1]);
        Tensor x = random(DType.BF16, rows, size[1]);
        Tensor w = random(DType.BF16, size[0], size[1]);
        Tensor dout = random(DType.F32, rows, size[0]);
        Tensor found = zeros(DType.BF16, rows, size[1]);
        Tensor dw = zeros(DType.F32, size[0], size[1]);
        Tensor dbias = zeros(DType.F32, size[0]);
        training.linearBackwardActivated(found, dw, dbias, dout, x, w, before, activation);

        Tensor dx = zeros(DType.F32, rows, size[1]);
        Tensor expected = zeros(DType.F32, rows, size[1]);
        Tensor dwAlone = zeros(DType.F32, size[0], size[1]);
        Tensor dbiasAlone = zeros(DType.F32, size[0]);
        training.linearBackward(dx, dwAlone, dbiasAlone, dout, x, w);
        training.activateBackward(expected, dx, before, activation);
        assertNear(expected, found, what);
        assertNear(dwAlone, dw, what);
        assertNear(dbiasAlone, dbias, what);
      }
    }
  }

  /** What {@code linearBackwardActivated} writes is the derivative of the layer before. */
  @Test
  void roundedDerivativesHaveSumsOverRows() {
    for (int rows : ROWS) {
      for (int[] size : SIZES) {
        Tensor dout = random(DType.BF16, rows, size[1]);
        Tensor x = random(DType.F32, rows, size[0]);
        Tensor w = random(DType.BF16, size[1], size[0]);
        Tensor wide = zeros(DType.F32, rows, size[1]);
        backend.upload(wide, Conversions.convert(host(dout), DType.F32, arena).segment());
        Tensor[] found = derivatives(dout, x, w);
        Tensor[] expected = derivatives(wide, x, w);
        for (int i = 0; i < found.length; i++) {
          assertNear(expected[i], found[i], rows + " rows, derivative " + i);
        }
      }
    }
  }

  private Tensor[] derivatives(Tensor dout, Tensor x, Tensor w) {
    Tensor dx = zeros(DType.F32, x.rows(), x.columns());
    Tensor dw = zeros(DType.F32, w.dim(0), w.columns());
    Tensor dbias = zeros(DType.F32, w.dim(0));
    training.linearBackward(dx, dw, dbias, dout, x, w);
    return new Tensor[] {dx, dw, dbias};
  }

  private Tensor host(Tensor x) {
    Tensor host = Tensor.allocate(arena, x.dtype(), x.shape());
    backend.download(host.segment(), x);
    return host;
  }
}
