package jllm.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.Conversions;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;

/** That the contract notices what it is there to notice. */
class TrialTest {
  private final Backend tested = new ScalarBackend(DType.F32);

  @Test
  void noticesAMissingTerm() {
    try (Trial trial = new Trial(tested, "a product without its last column")) {
      Operand x = trial.normal(3, 1000, 1);
      x.set(2999, 1);
      Operand w = trial.weight(DType.F32, WeightUse.LINEAR, 5, 1000);
      Operand out = trial.out(3, 5);
      trial.run((b, side) -> {
        if (b == tested) {
          MemorySegment memory = side.of(x).segment();
          float last = memory.getAtIndex(ValueLayout.JAVA_FLOAT, 2999);
          memory.setAtIndex(ValueLayout.JAVA_FLOAT, 2999, 0);
          b.linear(side.of(out), side.of(x), side.of(w), null);
          memory.setAtIndex(ValueLayout.JAVA_FLOAT, 2999, last);
        } else {
          b.linear(side.of(out), side.of(x), side.of(w), null);
        }
      });
      double scale = trial.productScale(x, w, null);
      assertSays(
          "seed",
          assertThrows(AssertionFailedError.class, () -> trial.assertNear(out, 1e-2, scale)));
    }
  }

  @Test
  void noticesWhatIsNotOverwritten() {
    try (Trial trial = new Trial(tested, "an addition that does nothing")) {
      Operand x = trial.normal(2, 3, 1);
      Operand out = trial.out(2, 3);
      trial.run((b, side) -> onlyOracle(b, side.of(out), side.of(x)));
      assertThrows(AssertionFailedError.class, () -> trial.assertNear(out, 1));
      assertThrows(AssertionFailedError.class, () -> trial.assertEach(out, 1, 1));
    }
  }

  private void onlyOracle(Backend backend, Tensor out, Tensor x) {
    if (backend != tested) {
      backend.add(out, x, x);
    }
  }

  @Test
  void noticesWritesToInputsAndBehindOutputs() {
    try (Trial trial = new Trial(tested, "writes")) {
      Operand x = trial.normal(2, 3, 1);
      Operand out = trial.out(2, 3);
      AssertionFailedError input =
          assertThrows(
              AssertionFailedError.class,
              () -> trial.run((b, side) -> b.scale(side.of(x), side.of(x), b == tested ? 2 : 1)));
      assertSays("changed element 0 of the input", input);
      AssertionFailedError guard =
          assertThrows(
              AssertionFailedError.class, () -> trial.run((_, side) -> poke(side.of(out), 24)));
      assertSays("wrote at byte 24", guard);
    }
  }

  private static void poke(Tensor tensor, long offset) {
    MemorySegment.ofAddress(tensor.segment().address() + offset)
        .reinterpret(1)
        .set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
  }

  @Test
  void aSingleWrongElementIsNoticed() {
    try (Trial trial = new Trial(tested, "one element")) {
      Operand x = trial.normal(20, 30, 1);
      Operand out = trial.out(20, 30);
      trial.run((b, side) -> b.scale(side.of(out), side.of(x), 1));
      trial.assertNear(out, 0);
      trial.assertEach(out, 0, 0);
      out.tested().segment().setAtIndex(ValueLayout.JAVA_FLOAT, 599, 7);
      assertThrows(AssertionFailedError.class, () -> trial.assertEach(out, 1e-3, 1e-3));
      AssertionFailedError error =
          assertThrows(AssertionFailedError.class, () -> trial.assertNear(out, 1e-2));
      assertSays("worst at [19, 29]", error);
      assertEquals(7.0, error.getActual().getValue());
    }
  }

  @Test
  void weightsThatWereCopiedAreGone() {
    Tensor[] original = new Tensor[1];
    InvocationHandler handler =
        (_, method, arguments) -> {
          if (method.getName().equals("adopt")) {
            original[0] = (Tensor) arguments[0];
            SegmentAllocator arena = (SegmentAllocator) arguments[2];
            return Conversions.convert(original[0], original[0].dtype(), arena);
          }
          return method.invoke(tested, arguments);
        };
    Backend copying =
        (Backend)
            Proxy.newProxyInstance(
                Backend.class.getClassLoader(), new Class<?>[] {Backend.class}, handler);
    try (Trial trial = new Trial(copying, "copied weights")) {
      Operand copied = trial.weight(DType.Q8_0, WeightUse.LINEAR, 3, 64);
      assertThrows(
          IllegalStateException.class, () -> original[0].segment().get(ValueLayout.JAVA_BYTE, 0));
      copied.tested().segment().get(ValueLayout.JAVA_BYTE, 0);
    }
  }

  private static void assertSays(String part, Throwable error) {
    assertTrue(String.valueOf(error.getMessage()).contains(part), () -> error.toString());
  }
}
