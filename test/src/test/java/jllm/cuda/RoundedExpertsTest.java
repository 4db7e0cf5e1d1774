package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.Conversions;
import jllm.tensor.quant.RandomBlocks;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Products with experts and their derivatives on tensor cores against the oracle: each result by
 * itself, as norm of the difference over norm.
 */
class RoundedExpertsTest {
  private static final long SEED = 3;
  private static final double MOST_ERROR = 2e-2;

  /** What results in binary32 stay below: else the kernels under test are not the ones that ran. */
  private static final double LEAST_ERROR = 1e-5;

  /** Whose inputs are the rows, one for all experts of a row or one for each. */
  private static final String[] RESULTS = {
    "out", "dx", "dw", "out of each", "dx of each", "dw of each"
  };

  /** Rows go to experts in different ways; sizes are no multiples of those of tiles. */
  enum Case {
    FEW(DType.F32, 3, 2, 35, 72, 33, false),
    /** Several tiles of columns, and of the dimension that is summed up. */
    WIDE(DType.BF16, 4, 2, 31, 136, 200, false),
    BLOCKS(DType.Q4_K, 4, 3, 20, 256, 70, false),
    SHORT_BLOCKS(DType.Q5_0, 2, 2, 12, 96, 131, false),
    /** Most rows go to the last expert, one to the second, none to the first. */
    LOPSIDED(DType.F16, 3, 1, 180, 64, 40, true),
    /** Tiles of 128 rows. */
    MANY(DType.BF16, 3, 1, 390, 72, 66, true),
    MANY_DECODED(DType.Q8_0, 2, 2, 135, 32, 10, false),
    /** Inputs whose rows do not begin at multiples of 16 bytes: general kernels, but for dw. */
    ODD(DType.BF16, 3, 2, 35, 37, 21, false);

    private final DType type;
    private final int experts;
    private final int used;
    private final int rows;
    private final int inputs;
    private final int outputs;
    private final boolean lopsided;

    Case(DType type, int experts, int used, int rows, int inputs, int outputs, boolean lopsided) {
      this.type = type;
      this.experts = experts;
      this.used = used;
      this.rows = rows;
      this.inputs = inputs;
      this.outputs = outputs;
      this.lopsided = lopsided;
    }

    private int[] choose(SplittableRandom random) {
      int[] chosen = new int[rows * used];
      for (int row = 0; row < rows; row++) {
        int first = random.nextInt(experts);
        for (int u = 0; u < used; u++) {
          chosen[row * used + u] =
              lopsided ? (row == rows / 2 ? 1 : experts - 1) : (first + u) % experts;
        }
      }
      return chosen;
    }
  }

  @ParameterizedTest
  @EnumSource
  void resultsAreThoseOfTheOracle(Case sizes) {
    List<String> wrong = new ArrayList<>();
    float[][] found = results(TestDevice.rounding(), sizes);
    try (ScalarBackend oracle = new ScalarBackend(DType.F32)) {
      float[][] expected = results(oracle, sizes);
      for (int i = 0; i < expected.length; i++) {
        double error = error(found[i], expected[i]);
        boolean rounded = sizes != Case.ODD || RESULTS[i].startsWith("dw");
        if (!(error <= MOST_ERROR && error > LEAST_ERROR == rounded)) {
          wrong.add("%s: %g".formatted(RESULTS[i], error));
        }
      }
    }
    assertTrue(wrong.isEmpty(), () -> "seed " + SEED + ": " + String.join("\n", wrong));
  }

  @ParameterizedTest
  @EnumSource(names = {"FEW", "WIDE"})
  void resultsAreRepeatable(Case sizes) {
    float[][] first = results(TestDevice.rounding(), sizes);
    assertArrayEquals(first, results(TestDevice.rounding(), sizes));
  }

  private static float[][] results(Backend backend, Case sizes) {
    SplittableRandom random = new SplittableRandom(SEED);
    int all = sizes.rows * sizes.used;
    List<float[]> results = new ArrayList<>();
    try (Arena arena = Arena.ofConfined();
        Memory memory = backend.memory()) {
      Tensor w =
          Tensor.allocate(arena, sizes.type, Shape.of(sizes.experts, sizes.outputs, sizes.inputs));
      RandomBlocks.fill(w, random, 1);
      w = backend.adopt(w, WeightUse.EXPERTS, memory);
      Tensor chosen = Tensor.allocate(arena, DType.I32, Shape.of(sizes.rows, sizes.used));
      int[] experts = sizes.choose(random);
      for (int i = 0; i < experts.length; i++) {
        chosen.segment().setAtIndex(ValueLayout.JAVA_INT, i, experts[i]);
      }
      Tensor dout = normal(backend, memory, random, Shape.of(all, sizes.outputs));
      for (int rows : new int[] {sizes.rows, all}) {
        Tensor x = normal(backend, memory, random, Shape.of(rows, sizes.inputs));
        Tensor out = memory.tensor(DType.F32, dout.shape());
        backend.expertLinear(out, x, w, chosen);
        Tensor dx = normal(backend, memory, random, x.shape());
        backend.training().expertLinearBackwardInput(dx, dout, w, chosen);
        Tensor dw = normal(backend, memory, random, w.shape());
        backend.training().expertLinearBackwardWeight(dw, dout, x, chosen, sizes.type);
        for (Tensor result : new Tensor[] {out, dx, dw}) {
          Tensor host =
              Tensor.allocate(
                  arena, DType.F32, Shape.of(1, Math.toIntExact(result.shape().elements())));
          backend.download(host.segment(), result);
          results.add(Conversions.row(host, 0));
        }
      }
    }
    return results.toArray(float[][]::new);
  }

  private static Tensor normal(
      Backend backend, Memory memory, SplittableRandom random, Shape shape) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor host = Tensor.allocate(arena, DType.F32, shape);
      RandomBlocks.fill(host, random, 1);
      Tensor tensor = memory.tensor(DType.F32, shape);
      backend.upload(tensor, host.segment());
      return tensor;
    }
  }

  private static double error(float[] found, float[] expected) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) found[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / norm);
  }
}
