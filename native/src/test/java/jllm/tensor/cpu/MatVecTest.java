package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.util.Random;
import jllm.tensor.DType;
import jllm.tensor.HostMemory;
import jllm.tensor.Shape;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.RandomBlocks;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Products with single rows against plain loops, and against the product with many rows. */
class MatVecTest {
  private static final int[] OUTPUTS = {1, 16, 19, 70, 131};
  private static final int[] INPUTS = {1, 5, 8, 32, 64, 160, 256, 300, 768, 2560};

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {
        "F64", "I32", "Q4_0", "Q4_1", "Q4_K", "Q5_0", "Q5_1", "Q5_K", "Q6_K", "Q2_K", "Q3_K"
      })
  void floatActivationsAreUsedAsTheyAre(DType type) {
    agreesWithLoops(type, 2e-6);
  }

  /**
   * Rounding to integers up to 255 or more in groups of up to 32, whose largest is about 2.3 sigma:
   * 0.3 %.
   */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"Q4_0", "Q4_1", "Q4_K", "Q5_0", "Q5_1", "Q2_K", "Q3_K"})
  void nineBitActivations(DType type) {
    agreesWithLoops(type, 1e-2);
  }

  /** To integers up to 127 in groups of up to 32, whose largest is about 2.3 sigma: 0.5 %. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"Q5_K", "Q6_K"})
  void eightBitActivations(DType type) {
    agreesWithLoops(type, 1.5e-2);
  }

  /**
   * The rounded activations, not those before, times the decoded weights: nothing is lost in the
   * integers.
   */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"Q4_0", "Q4_1", "Q4_K", "Q5_0", "Q5_1", "Q5_K", "Q6_K", "Q2_K", "Q3_K"})
  void integersLoseNothing(DType type) {
    try (Arena arena = Arena.ofShared();
        VectorBackend backend = new VectorBackend(2);
        Workers workers = new Workers(1);
        InputRounding rounding = new InputRounding(workers)) {
      Tensor stored = random(arena, type, 33, 1024, 0.5f);
      Tensor w = backend.adopt(stored, WeightUse.LINEAR, new HostMemory(arena));
      // Equal values are the largest of their group: sums of products reach the ends of 16 bits.
      for (Tensor x : new Tensor[] {random(arena, DType.F32, 1, 1024, 1), constant(arena, 1024)}) {
        Tensor out = Tensor.allocate(arena, DType.F32, Shape.of(1, 33));
        backend.linear(out, x, w, null);
        Tensor rounded =
            Tensor.of(rounding.round(x, MatVecKernel.of(type)), DType.F32, Shape.of(1, 1024));
        RowProducts.assertNear(out, 0, rounded, 0, stored, 0, 33, null, 2e-6);
      }
    }
  }

  private static void agreesWithLoops(DType type, double tolerance) {
    for (int inputs : INPUTS) {
      for (int outputs : type.divides(inputs) ? OUTPUTS : new int[0]) {
        int threads = outputs % 3 + 1;
        try (Arena arena = Arena.ofShared();
            VectorBackend backend = new VectorBackend(threads)) {
          Tensor stored = random(arena, type, outputs, inputs, 0.5f);
          Tensor w = backend.adopt(stored, WeightUse.LINEAR, new HostMemory(arena));
          Tensor bias = random(arena, DType.F32, 1, outputs, 1);
          for (@Nullable Tensor b : new @Nullable Tensor[] {null, bias}) {
            Tensor x = random(arena, DType.F32, 1, inputs, 1);
            Tensor out = Tensor.allocate(arena, DType.F32, Shape.of(1, outputs));
            backend.linear(out, x, w, b);
            RowProducts.assertNear(out, 0, x, 0, stored, 0, outputs, b, tolerance);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "F32, 300, 2, 1",
    "BF16, 301, 3, 2",
    "F16, 77, 9, 3",
    "Q8_0, 320, 2, 2",
    "Q4_0, 320, 3, 3",
    "Q4_K, 768, 2, 2",
    "Q6_K, 512, 10, 2",
    "Q5_1, 96, 3, 2",
    "Q3_K, 768, 3, 2",
  })
  void manyRowsGiveWhatSingleOnesDo(DType type, int inputs, int rows, int threads) {
    int outputs = 83;
    try (Arena arena = Arena.ofShared();
        VectorBackend backend = new VectorBackend(threads)) {
      Tensor w =
          backend.adopt(
              random(arena, type, outputs, inputs, 0.5f), WeightUse.LINEAR, new HostMemory(arena));
      Tensor x = random(arena, DType.F32, rows, inputs, 1);
      Tensor together = Tensor.allocate(arena, DType.F32, Shape.of(rows, outputs));
      backend.linear(together, x, w, null);
      Tensor alone = Tensor.allocate(arena, DType.F32, Shape.of(rows, outputs));
      for (int row = 0; row < rows; row++) {
        backend.linear(alone.slice(row, 1), x.slice(row, 1), w, null);
      }
      double scale = 0.5 * Math.sqrt(inputs);
      for (long i = 0; i < (long) rows * outputs; i++) {
        float expected = together.segment().getAtIndex(JAVA_FLOAT, i);
        float found = alone.segment().getAtIndex(JAVA_FLOAT, i);
        assertEquals(expected, found, 4e-6 * scale, type + " at " + i);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"BF16, 301, 1", "Q8_0, 320, 2", "Q4_K, 768, 3", "Q6_K, 256, 2", "Q5_K, 512, 2"})
  void eachRowMeetsItsExperts(DType type, int inputs, int threads) {
    int outputs = 37;
    int used = 2;
    int rows = 3;
    int[] chosen = {3, 0, 1, 3, 2, 1};
    try (Arena arena = Arena.ofShared();
        Workers workers = new Workers(threads);
        MatVec matVec = new MatVec(workers)) {
      Tensor stored = Tensor.allocate(arena, type, Shape.of(4, outputs, inputs));
      RandomBlocks.fill(stored, new Random(inputs + 7), 0.5f);
      Tensor w = new Packer(workers, null).pack(stored, arena);
      Tensor experts = Tensor.allocate(arena, DType.I32, Shape.of(rows, used));
      for (int i = 0; i < chosen.length; i++) {
        experts.segment().setAtIndex(JAVA_INT, i, chosen[i]);
      }
      for (int xRows : new int[] {rows, rows * used}) {
        Tensor x = random(arena, DType.F32, xRows, inputs, 1);
        Tensor out = Tensor.allocate(arena, DType.F32, Shape.of(rows * used, outputs));
        matVec.experts(out, x, w, (Storage.Packed) w.storage(), experts);
        for (int i = 0; i < chosen.length; i++) {
          int row = xRows == rows ? i / used : i;
          double tolerance = MatVecKernel.of(type).roundedGroup() == 0 ? 2e-6 : 1e-2;
          RowProducts.assertNear(
              out, i, x, row, stored, chosen[i] * outputs, outputs, null, tolerance);
        }
      }
    }
  }

  private static Tensor random(Arena arena, DType type, int rows, int columns, float sigma) {
    Tensor tensor = Tensor.allocate(arena, type, Shape.of(rows, columns));
    Random random =
        new Random(31L * rows + columns + 1_000_003L * type.ordinal() + Float.hashCode(sigma));
    if (type == DType.F32) {
      for (long i = 0; i < (long) rows * columns; i++) {
        tensor.segment().setAtIndex(JAVA_FLOAT, i, (float) (random.nextGaussian() * sigma));
      }
    } else {
      RandomBlocks.fill(tensor, random, sigma);
    }
    return tensor;
  }

  /** Ones and minus ones in long runs. */
  private static Tensor constant(Arena arena, int columns) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, Shape.of(1, columns));
    for (int i = 0; i < columns; i++) {
      tensor.segment().setAtIndex(JAVA_FLOAT, i, i % 128 < 64 ? 1 : -1);
    }
    return tensor;
  }
}
