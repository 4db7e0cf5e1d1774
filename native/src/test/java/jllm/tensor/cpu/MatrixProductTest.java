package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Random;
import jllm.ffi.kernels.InstructionSet;
import jllm.ffi.kernels.KernelLibrary;
import jllm.ffi.kernels.TestLibrary;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The matrix product of plain matrices against loops in double precision. */
class MatrixProductTest {

  /** A matrix in memory, and how it is read: element (row, column) of the product's operand. */
  private record Given(
      MemorySegment segment,
      DType type,
      int columns,
      boolean deepRows,
      @Nullable MemorySegment indices) {

    double get(int lane, int k) {
      int row = deepRows ? lane : k;
      long stored = indices == null ? row : indices.getAtIndex(JAVA_INT, row);
      long at = 1 + stored * columns + (deepRows ? k : lane);
      return type == DType.F32
          ? segment.getAtIndex(JAVA_FLOAT, at)
          : Float.intBitsToFloat(segment.getAtIndex(JAVA_SHORT, at) << 16);
    }

    void to(MatrixOperand operand) {
      operand.set(segment, type.bytes(1), type, columns, deepRows);
      if (indices != null) {
        operand.gather(indices, 0);
      }
    }
  }

  private static final String SIZES =
      """
      1, 1, 1, 1
      2, 3, 5, 2
      3, 16, 17, 1
      4, 33, 31, 3
      5, 64, 256, 2
      6, 1, 700, 2
      7, 100, 385, 3
      8, 32, 384, 1
      9, 31, 383, 2
      13, 40, 1025, 3
      64, 7, 300, 3
      65, 700, 130, 2
      130, 353, 40, 3
      1050, 35, 19, 2
      75, 33, 771, 4
      """;

  @ParameterizedTest
  @CsvSource(textBlock = SIZES)
  void agreesWithLoops(int rows, int columns, int depth, int threads) {
    check(rows, columns, depth, threads, null);
  }

  @ParameterizedTest
  @CsvSource(textBlock = SIZES)
  void kernelsInCAgreeWithLoops(int rows, int columns, int depth, int threads) {
    for (InstructionSet set : TestLibrary.open(Map.of()).instructionSets()) {
      KernelLibrary library = TestLibrary.open(Map.of("JLLM_NATIVE_ISA", set.key()));
      check(rows, columns, depth, threads, library);
    }
  }

  private static void check(
      int rows, int columns, int depth, int threads, @Nullable KernelLibrary library) {
    for (boolean deepLeft : new boolean[] {true, false}) {
      for (boolean deepRight : new boolean[] {true, false}) {
        check(library, rows, columns, depth, threads, deepLeft, deepRight, DType.F32, false);
        check(library, rows, columns, depth, threads, deepLeft, deepRight, DType.BF16, false);
        check(library, rows, columns, depth, threads, deepLeft, deepRight, DType.F32, true);
      }
    }
  }

  /**
   * @param mapped rows of the operands are gathered, and those of the result scattered
   */
  private static void check(
      @Nullable KernelLibrary library,
      int rows,
      int columns,
      int depth,
      int threads,
      boolean deepLeft,
      boolean deepRight,
      DType rightType,
      boolean mapped) {
    long seed = 31L * rows + 17L * columns + depth;
    Random random = new Random(seed);
    try (Arena arena = Arena.ofShared();
        Workers workers = new Workers(threads);
        NativeProducts kernels = new NativeProducts(workers, library);
        MatrixProduct product = new MatrixProduct(workers, kernels)) {
      // BF16 keeps 8 bits of each of the two factors.
      boolean rounded =
          kernels.forPlain(true) != kernels.forPlain(false) && rightType == DType.BF16;
      Given left = given(arena, random, rows, depth, deepLeft, DType.F32, mapped);
      Given right =
          given(arena, random, columns, depth, deepRight, rightType, mapped && !deepRight);
      left.to(product.left());
      right.to(product.right());
      MemorySegment targets = mapped ? odds(arena, rows) : null;
      int places = mapped ? 2 * rows : rows;
      MemorySegment bias = floats(arena, random, columns);
      MemorySegment out = floats(arena, random, 1 + places * columns);
      if (targets == null) {
        product.assign(out, 4, rows, columns, depth, bias);
        product.add(out, 4, rows, columns, depth, false);
      } else {
        MemorySegment shifted = out.asSlice(4);
        product.scatter(shifted, targets, 0, false, rows, columns, depth, false);
        product.scatter(shifted, targets, 0, true, rows, columns, depth, false);
      }
      for (int n = 0; n < rows; n++) {
        int row = targets == null ? n : targets.getAtIndex(JAVA_INT, n);
        for (int c = 0; c < columns; c++) {
          double expected = targets == null ? bias.getAtIndex(JAVA_FLOAT, c) : 0;
          double magnitude = Math.abs(expected);
          for (int k = 0; k < depth; k++) {
            double term = 2 * left.get(n, k) * right.get(c, k);
            expected += term;
            magnitude += Math.abs(term);
          }
          assertEquals(
              expected,
              out.getAtIndex(JAVA_FLOAT, 1 + (long) row * columns + c),
              (rounded ? 4e-3 : 1e-6) * magnitude,
              () -> "deep left %b, deep right %b, seed %d".formatted(deepLeft, deepRight, seed));
        }
      }
    }
  }

  private static Given given(
      Arena arena,
      Random random,
      int lanes,
      int depth,
      boolean deepRows,
      DType type,
      boolean mapped) {
    int rows = deepRows ? lanes : depth;
    int columns = deepRows ? depth : lanes;
    int stored = mapped ? 2 * rows : rows;
    MemorySegment segment = floats(arena, random, 1 + stored * columns);
    if (type == DType.BF16) {
      for (long i = 0; i < 1L + stored * columns; i++) {
        int bits = Float.floatToRawIntBits(segment.getAtIndex(JAVA_FLOAT, i));
        segment.setAtIndex(JAVA_SHORT, i, (short) (bits >> 16));
      }
    }
    return new Given(segment, type, columns, deepRows, mapped ? odds(arena, rows) : null);
  }

  /** The first odd numbers in falling order. */
  private static MemorySegment odds(Arena arena, int count) {
    MemorySegment indices = arena.allocate(4L * count, 64);
    for (int i = 0; i < count; i++) {
      indices.setAtIndex(JAVA_INT, i, 2 * (count - 1 - i) + 1);
    }
    return indices;
  }

  private static MemorySegment floats(Arena arena, Random random, int count) {
    MemorySegment segment = arena.allocate(4L * count, 64);
    for (int i = 0; i < count; i++) {
      segment.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return segment;
  }
}
