package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import jllm.ffi.kernels.InstructionSet;
import jllm.ffi.kernels.KernelLibrary;
import jllm.ffi.kernels.TestLibrary;
import jllm.tensor.DType;
import jllm.tensor.HostMemory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.RandomBlocks;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The kernels in C for few rows, of each type and each instruction set that this processor has,
 * against plain loops.
 */
class NativeMatVecTest {
  private static final int[] OUTPUTS = {1, 16, 19, 131};
  private static final int[] INPUTS = {1, 5, 8, 32, 64, 160, 256, 300, 768, 2560};

  /** Of 16 bits for the largest of 32 activations 2e-5 are lost on average. */
  private static final double SIXTEEN_BITS = 1e-4;

  private static final Map<InstructionSet, KernelLibrary> LIBRARIES =
      new EnumMap<>(InstructionSet.class);

  static Stream<Arguments> kernels() {
    KernelLibrary all = TestLibrary.open(Map.of());
    return all.instructionSets().stream()
        .filter(set -> set == InstructionSet.AVX2 || set == InstructionSet.AVX512)
        .flatMap(set ->
            Stream.of(DType.values())
                .filter(type -> type != DType.F64 && type != DType.I32)
                .map(type -> Arguments.of(type, set)));
  }

  private static VectorBackend backend(InstructionSet set, int threads) {
    return new VectorBackend(
        threads,
        LIBRARIES.computeIfAbsent(
            set, it -> TestLibrary.open(Map.of("JLLM_NATIVE_ISA", it.key()))));
  }

  private static double tolerance(DType type) {
    return type.isQuantized() ? SIXTEEN_BITS : 2e-6;
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void agreesWithLoops(DType type, InstructionSet set) {
    for (int inputs : INPUTS) {
      for (int outputs : type.divides(inputs) ? OUTPUTS : new int[0]) {
        try (Arena arena = Arena.ofShared();
            VectorBackend backend = backend(set, outputs % 3 + 1)) {
          Tensor stored = weights(arena, type, Shape.of(outputs, inputs));
          Tensor w = backend.adopt(stored, WeightUse.LINEAR, new HostMemory(arena));
          Tensor bias = floats(arena, 1, outputs);
          for (@Nullable Tensor b : new @Nullable Tensor[] {null, bias}) {
            Tensor x = floats(arena, 3, inputs);
            Tensor out = Tensor.allocate(arena, DType.F32, Shape.of(3, outputs));
            backend.linear(out, x, w, b);
            for (int row = 0; row < 3; row++) {
              RowProducts.assertNear(out, row, x, row, stored, 0, outputs, b, tolerance(type));
            }
          }
        }
      }
    }
  }

  /** To the bit, so that a text does not depend on those that are decoded beside it. */
  @ParameterizedTest
  @MethodSource("kernels")
  void aRowIsWhatItIsAlone(DType type, InstructionSet set) {
    int inputs = type.isQuantized() ? 768 : 301;
    int outputs = 83;
    try (Arena arena = Arena.ofShared();
        VectorBackend backend = backend(set, 2)) {
      Tensor w =
          backend.adopt(
              weights(arena, type, Shape.of(outputs, inputs)),
              WeightUse.LINEAR,
              new HostMemory(arena));
      for (int rows : new int[] {2, 3, 4, 5, 8, 13, 16}) {
        Tensor x = floats(arena, rows, inputs);
        Tensor together = Tensor.allocate(arena, DType.F32, Shape.of(rows, outputs));
        backend.linear(together, x, w, null);
        Tensor alone = Tensor.allocate(arena, DType.F32, Shape.of(rows, outputs));
        for (int row = 0; row < rows; row++) {
          backend.linear(alone.slice(row, 1), x.slice(row, 1), w, null);
        }
        assertArrayEquals(
            alone.segment().toArray(JAVA_INT),
            together.segment().toArray(JAVA_INT),
            rows + " rows");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void eachRowMeetsItsExperts(DType type, InstructionSet set) {
    int inputs = type.isQuantized() ? 512 : 301;
    int outputs = 37;
    int used = 2;
    int rows = 3;
    int[] chosen = {3, 0, 1, 3, 2, 1};
    try (Arena arena = Arena.ofShared();
        VectorBackend backend = backend(set, 3)) {
      Tensor stored = weights(arena, type, Shape.of(4, outputs, inputs));
      Tensor w = backend.adopt(stored, WeightUse.EXPERTS, new HostMemory(arena));
      Tensor experts = Tensor.allocate(arena, DType.I32, Shape.of(rows, used));
      for (int i = 0; i < chosen.length; i++) {
        experts.segment().setAtIndex(JAVA_INT, i, chosen[i]);
      }
      for (int xRows : new int[] {rows, rows * used}) {
        Tensor x = floats(arena, xRows, inputs);
        Tensor out = Tensor.allocate(arena, DType.F32, Shape.of(rows * used, outputs));
        backend.expertLinear(out, x, w, experts);
        for (int i = 0; i < chosen.length; i++) {
          int row = xRows == rows ? i / used : i;
          RowProducts.assertNear(
              out, i, x, row, stored, chosen[i] * outputs, outputs, null, tolerance(type));
        }
      }
    }
  }

  /** Sums of the largest products: nothing overflows on the way. */
  @ParameterizedTest
  @MethodSource("kernels")
  void equalActivationsReachTheEndsOfTheIntegers(DType type, InstructionSet set) {
    int inputs = 1024;
    try (Arena arena = Arena.ofShared();
        VectorBackend backend = backend(set, 1)) {
      Tensor stored = weights(arena, type, Shape.of(33, inputs));
      stored.segment().asSlice(0, 16 * type.bytes(inputs)).fill((byte) 0x7b);
      Tensor w = backend.adopt(stored, WeightUse.LINEAR, new HostMemory(arena));
      Tensor x = Tensor.allocate(arena, DType.F32, Shape.of(1, inputs));
      for (int i = 0; i < inputs; i++) {
        x.segment().setAtIndex(JAVA_FLOAT, i, i % 128 < 64 ? 3.5f : -3.5f);
      }
      Tensor out = Tensor.allocate(arena, DType.F32, Shape.of(1, 33));
      backend.linear(out, x, w, null);
      RowProducts.assertNear(out, 0, x, 0, stored, 0, 33, null, tolerance(type));
    }
  }

  /** A NaN or an infinity shows in all results that it takes part in, and in no others. */
  @ParameterizedTest
  @MethodSource("kernels")
  void whatIsNoNumberStaysNone(DType type, InstructionSet set) {
    int inputs = type.isQuantized() ? 512 : 40;
    try (Arena arena = Arena.ofShared();
        VectorBackend backend = backend(set, 1)) {
      Tensor w =
          backend.adopt(
              weights(arena, type, Shape.of(20, inputs)), WeightUse.LINEAR, new HostMemory(arena));
      for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
        Tensor x = floats(arena, 2, inputs);
        x.segment().setAtIndex(JAVA_FLOAT, inputs / 2, value);
        Tensor out = Tensor.allocate(arena, DType.F32, Shape.of(2, 20));
        backend.linear(out, x, w, null);
        for (int i = 0; i < 40; i++) {
          float found = out.segment().getAtIndex(JAVA_FLOAT, i);
          assertEquals(i >= 20, Float.isFinite(found), "x with " + value + ", result " + i);
        }
      }
    }
  }

  /** Weights whose scales are not a number, or too small for a normal one. */
  @ParameterizedTest
  @MethodSource("kernels")
  void strangeWeights(DType type, InstructionSet set) {
    int inputs = 512;
    try (Arena arena = Arena.ofShared();
        VectorBackend backend = backend(set, 1)) {
      Tensor x = floats(arena, 1, inputs);
      Tensor out = Tensor.allocate(arena, DType.F32, Shape.of(1, 17));
      Tensor stored = Tensor.allocate(arena, type, Shape.of(17, inputs));
      // As F32, F16 and BF16, and as scales, not a number.
      stored.segment().asSlice(0, type.bytes(inputs)).fill((byte) 0xff);
      stored.segment().asSlice(type.bytes(inputs)).fill((byte) 0x01);
      Tensor w = backend.adopt(stored, WeightUse.LINEAR, new HostMemory(arena));
      backend.linear(out, x, w, null);
      assertTrue(Float.isNaN(out.segment().getAtIndex(JAVA_FLOAT, 0)), "row of " + type);
      for (int i = 1; i < 17; i++) {
        assertTrue(Float.isFinite(out.segment().getAtIndex(JAVA_FLOAT, i)), "row " + i);
      }
      RowProducts.assertNear(out, 0, 1, x, 0, stored, 1, 16, null, 2e-3);
    }
  }

  /** Tensors that are slices of others are aligned to their elements only. */
  @ParameterizedTest
  @MethodSource("kernels")
  void anyAddressWillDo(DType type, InstructionSet set) {
    int inputs = type.isQuantized() ? 256 : 77;
    try (Arena arena = Arena.ofShared();
        VectorBackend backend = backend(set, 1)) {
      Tensor aligned = weights(arena, type, Shape.of(21, inputs));
      long bytes = aligned.segment().byteSize();
      Tensor stored =
          Tensor.of(arena.allocate(bytes + 2).asSlice(2, bytes), type, Shape.of(21, inputs));
      stored.segment().copyFrom(aligned.segment());
      Tensor w = backend.adopt(stored, WeightUse.LINEAR, new HostMemory(arena));
      Tensor x =
          Tensor.of(arena.allocate(4L * inputs + 4).asSlice(4), DType.F32, Shape.of(1, inputs));
      x.segment().copyFrom(floats(arena, 1, inputs).segment());
      Tensor out = Tensor.of(arena.allocate(4 * 22).asSlice(4), DType.F32, Shape.of(1, 21));
      backend.linear(out, x, w, null);
      RowProducts.assertNear(out, 0, x, 0, stored, 0, 21, null, tolerance(type));
    }
  }

  private static Tensor weights(Arena arena, DType type, Shape shape) {
    Tensor tensor = Tensor.allocate(arena, type, shape);
    RandomBlocks.fill(tensor, new Random(shape.hashCode() + 31L * type.ordinal()), 0.5f);
    return tensor;
  }

  private static Tensor floats(Arena arena, int rows, int columns) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, Shape.of(rows, columns));
    Random random = new Random(31L * rows + columns);
    for (long i = 0; i < (long) rows * columns; i++) {
      tensor.segment().setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return tensor;
  }
}
