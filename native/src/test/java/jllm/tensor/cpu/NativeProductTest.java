package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import jllm.ffi.kernels.InstructionSet;
import jllm.ffi.kernels.TestLibrary;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.RandomBlocks;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the products of native kernels keep beside their accuracy, for each type of weights. */
class NativeProductTest {
  private static final long SEED = 7;
  private static final int OUTPUTS = 83;
  private static final int INPUTS = 768;

  private interface Test {
    void run(VectorBackend backend, Tensor weight, Arena arena);
  }

  /** For each instruction set of this machine. */
  private static void forSets(DType type, float size, Test test) {
    for (InstructionSet set : TestLibrary.open(Map.of()).instructionSets()) {
      try (Arena arena = Arena.ofShared();
          VectorBackend backend =
              new VectorBackend(2, TestLibrary.open(Map.of("JLLM_NATIVE_ISA", set.key())));
          var memory = backend.memory()) {
        Tensor stored = Tensor.allocate(arena, type, Shape.of(OUTPUTS, INPUTS));
        RandomBlocks.fill(stored, new Random(SEED), size);
        test.run(backend, backend.adopt(stored, WeightUse.LINEAR, memory), arena);
      }
    }
  }

  private static Tensor inputs(Arena arena, int rows) {
    Tensor x = Tensor.allocate(arena, DType.F32, Shape.of(rows, INPUTS));
    Random random = new Random(SEED);
    for (long i = 0; i < (long) rows * INPUTS; i++) {
      x.segment().setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return x;
  }

  private static float[] multiply(VectorBackend backend, Tensor x, Tensor w, Arena arena) {
    Tensor out = Tensor.allocate(arena, DType.F32, Shape.of(x.rows(), OUTPUTS));
    backend.linear(out, x, w, null);
    return out.segment().toArray(JAVA_FLOAT);
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F64", "I32"})
  void aRowIsTheSameBesideOthers(DType type) {
    forSets(
        type,
        1,
        (backend, w, arena) -> {
          float[] many = multiply(backend, inputs(arena, 70), w, arena);
          for (int rows : new int[] {17, 33, 64}) {
            float[] few = multiply(backend, inputs(arena, rows), w, arena);
            float[] expected = Arrays.copyOf(many, few.length);
            assertEquals(
                -1,
                MemorySegment.ofArray(expected).mismatch(MemorySegment.ofArray(few)),
                backend.describe() + ", " + rows + " rows");
          }
        });
  }

  /** One element of x is NaN: its row is, and no other. */
  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F64", "I32"})
  void whatIsNoNumberStaysInItsRow(DType type) {
    forSets(
        type,
        1,
        (backend, w, arena) -> {
          for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            Tensor x = inputs(arena, 40);
            x.segment().setAtIndex(JAVA_FLOAT, 21L * INPUTS + 100, value);
            float[] out = multiply(backend, x, w, arena);
            for (int i = 0; i < out.length; i++) {
              int row = i / OUTPUTS;
              assertTrue(
                  row == 21 ? !Float.isFinite(out[i]) : Float.isFinite(out[i]),
                  "%s, %s: row %d is %s".formatted(backend.describe(), value, row, out[i]));
            }
          }
        });
  }

  /** Weights and activations below what is normal: their products are, too, or zero. */
  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F64", "I32"})
  void denormalNumbersAreSmallNumbers(DType type) {
    forSets(
        type,
        1e-6f,
        (backend, w, arena) -> {
          Tensor x = inputs(arena, 20);
          for (long i = 0; i < 20L * INPUTS; i++) {
            x.segment().setAtIndex(JAVA_FLOAT, i, (i % 7 - 3) * 0x1p-140f);
          }
          for (float value : multiply(backend, x, w, arena)) {
            assertTrue(Math.abs(value) < 1e-35, backend.describe() + ": " + value);
          }
        });
  }
}
