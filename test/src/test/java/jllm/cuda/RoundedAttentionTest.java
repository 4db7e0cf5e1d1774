package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Dropout;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.quant.Conversions;
import jllm.tensor.quant.RandomBlocks;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.api.Test;

/**
 * Attention and its derivative on tensor cores against the oracle, for heads of all kinds of
 * widths: each result by itself, as norm of the difference over norm.
 */
class RoundedAttentionTest {
  private static final long SEED = 3;
  private static final double MOST_ERROR = 2e-2;
  private static final int SEQUENCES = 2;
  private static final int LSE = 1;

  /** Columns of a head, and its positions: tiles of each size that kernels have, none whole. */
  private static final int[][] SIZES = {
    {17, 70}, {33, 20}, {64, 135}, {80, 40}, {128, 66}, {144, 66}, {250, 40}
  };

  /** The same of heads whose operands and results can be in BF16 as they are. */
  private static final int[][] ROUNDED_SIZES = {{32, 70}, {64, 135}, {112, 40}, {256, 33}};

  /**
   * The types of what there is.
   *
   * @param keys of queries and keys, and of derivatives by them
   * @param values and derivatives by them, and results
   */
  private record Types(DType keys, DType values, DType dout) {
    static final Types FLOATS = new Types(DType.F32, DType.F32, DType.F32);
    static final Types ROUNDED = new Types(DType.BF16, DType.BF16, DType.BF16);

    /** As where norms of heads, or adapters, are in between. */
    static final Types MIXED = new Types(DType.F32, DType.BF16, DType.F32);

    boolean adds() {
      return values == DType.F32;
    }
  }

  /** What results in binary32 stay below: else the kernels under test are not the ones that ran. */
  private static final double LEAST_ERROR = 1e-5;

  @Test
  void resultsAreThoseOfTheOracle() {
    check(SIZES, Types.FLOATS);
  }

  @Test
  void resultsOfRoundedOperandsAreThoseOfTheOracle() {
    check(ROUNDED_SIZES, Types.ROUNDED);
    check(ROUNDED_SIZES, Types.MIXED);
  }

  private static void check(int[][] sizes, Types types) {
    List<String> wrong = new ArrayList<>();
    CudaBackend device = TestDevice.rounding();
    try (ScalarBackend oracle = new ScalarBackend(DType.F32)) {
      for (int[] size : sizes) {
        for (boolean variant : new boolean[] {false, true}) {
          float[][] expected = results(oracle, size, variant, types);
          float[][] found = results(device, size, variant, types);
          for (int i = 0; i < expected.length; i++) {
            double error = error(found[i], expected[i]);
            if (!(error <= MOST_ERROR && error > (i == LSE ? 0 : LEAST_ERROR))) {
              wrong.add("result %d of %s: %g".formatted(i, Arrays.toString(size), error));
            }
          }
        }
      }
    }
    assertTrue(wrong.isEmpty(), () -> types + ", seed " + SEED + ": " + String.join("\n", wrong));
  }

  @Test
  void whatIsTakenRoundedIsSaid() {
    AttentionSpec whole = new AttentionSpec(4, 2, 64, 0.125f, 0, 0, true);
    AttentionSpec padded = new AttentionSpec(4, 2, 72, 0.125f, 0, 0, true);
    assertEquals(DType.BF16, TestDevice.rounding().attentionType(whole, 16));
    assertEquals(DType.F32, TestDevice.rounding().attentionType(whole, 15));
    assertEquals(DType.F32, TestDevice.rounding().attentionType(padded, 16));
    assertEquals(DType.F32, TestDevice.backend().attentionType(whole, 16));
  }

  @Test
  void resultsAreRepeatable() {
    for (boolean variant : new boolean[] {false, true}) {
      float[][] first = results(TestDevice.rounding(), SIZES[0], variant, Types.FLOATS);
      for (int i = 0; i < 3; i++) {
        assertArrayEquals(first, results(TestDevice.rounding(), SIZES[0], variant, Types.FLOATS));
      }
    }
  }

  /**
   * out, lse, dq, dk, dv; variants have a window, a cap, documents and dropout. The oracle gets the
   * values that operands of {@code types} have, in F32.
   */
  private static float[][] results(Backend backend, int[] size, boolean variant, Types types) {
    int width = size[0];
    int steps = size[1];
    float scale = (float) (1 / Math.sqrt(width));
    AttentionSpec spec =
        variant
            ? new AttentionSpec(3, 3, width, scale, 5, steps / 2, true)
            : new AttentionSpec(4, 2, width, scale, 0, 0, true);
    int rows = SEQUENCES * steps;
    try (Arena arena = Arena.ofConfined();
        Memory memory = backend.memory()) {
      SplittableRandom random = new SplittableRandom(SEED);
      Shape[] shapes = {
        Shape.of(rows, spec.heads() * width),
        Shape.of(rows, spec.heads()),
        Shape.of(rows, spec.heads() * width),
        Shape.of(rows, spec.kvHeads() * width),
        Shape.of(rows, spec.kvHeads() * width)
      };
      DType[] ofResults = {types.values, DType.F32, types.keys, types.keys, types.values};
      DType[] ofOperands = {types.dout, DType.F32, types.keys, types.keys, types.values};
      boolean exact = backend instanceof ScalarBackend;
      Tensor[] d = new Tensor[shapes.length]; // out, lse and derivatives
      Tensor[] x = new Tensor[shapes.length]; // dout, and q, k, v
      for (int i = 0; i < shapes.length; i++) {
        d[i] = memory.tensor(exact ? DType.F32 : ofResults[i], shapes[i]);
        Tensor zeros = Tensor.allocate(arena, d[i].dtype(), shapes[i]);
        backend.upload(d[i], zeros.segment());
        Tensor host = Tensor.allocate(arena, ofOperands[i], shapes[i]);
        RandomBlocks.fill(host, random, 1);
        host = exact ? Conversions.convert(host, DType.F32, arena) : host;
        x[i] = memory.tensor(host.dtype(), shapes[i]);
        backend.upload(x[i], host.segment());
      }
      Tensor starts = null;
      if (variant) {
        starts = Tensor.allocate(arena, DType.I32, Shape.of(rows));
        for (int row = 0; row < rows; row++) {
          int begin = row % steps < steps / 3 ? 0 : steps / 3;
          starts.segment().setAtIndex(ValueLayout.JAVA_INT, row, begin);
        }
      }
      TrainingAttention attention =
          new TrainingAttention(spec, SEQUENCES, starts, variant ? new Dropout(0.2f, 5) : null);
      backend.training().attention(d[0], d[1], x[2], x[3], x[4], attention);
      backend
          .training()
          .attentionBackward(
              d[2], d[3], d[4], x[0], d[0], d[1], x[2], x[3], x[4], attention, types.adds());
      float[][] results = new float[d.length][];
      for (int i = 0; i < d.length; i++) {
        int count = Math.toIntExact(d[i].shape().elements());
        Tensor host = Tensor.allocate(arena, d[i].dtype(), Shape.of(1, count));
        backend.download(host.segment(), d[i]);
        results[i] = Conversions.row(host, 0);
      }
      return results;
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
