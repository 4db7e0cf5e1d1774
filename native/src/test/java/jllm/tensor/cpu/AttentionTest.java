package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.util.Random;
import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Attention against the oracle where tiles, blocks and shares of threads begin and end. */
class AttentionTest {

  @ParameterizedTest
  @CsvSource({
    // heads, kvHeads, headDim, sequences, steps, past, spare, window, softCap, causal, threads
    "1, 1, 1, 1, 1, 0, 0, 0, 0, true, 1",
    "4, 1, 64, 1, 1, 300, 7, 0, 0, true, 2",
    "8, 2, 20, 1, 1, 1000, 3, 0, 0, true, 3",
    "5, 5, 33, 3, 1, 70, 5, 0, 0, true, 2",
    "9, 3, 64, 1, 1, 600, 0, 100, 0, true, 2",
    "14, 2, 80, 2, 1, 257, 1, 0, 20, true, 3",
    "3, 1, 96, 1, 1, 255, 0, 0, 0, false, 3",
    "2, 2, 40, 1, 3, 200, 9, 0, 0, true, 2",
    "2, 1, 40, 2, 5, 90, 9, 17, 0, true, 3",
    "4, 2, 64, 1, 7, 300, 2, 0, 0, true, 2",
    "4, 1, 33, 1, 40, 0, 0, 0, 0, true, 2",
    "8, 2, 20, 2, 130, 0, 11, 0, 0, true, 3",
    "6, 2, 80, 1, 65, 500, 4, 0, 30, true, 2",
    "6, 3, 96, 1, 150, 140, 0, 50, 0, true, 1",
    "2, 2, 24, 1, 300, 3, 0, 129, 15, true, 3",
    "4, 4, 17, 2, 70, 10, 1, 0, 0, false, 2",
    "4, 4, 17, 1, 70, 100, 1, 0, 20, false, 2",
    "4, 2, 256, 1, 33, 20, 0, 0, 50, true, 2",
  })
  void agreesWithTheOracle(
      int heads,
      int kvHeads,
      int headDim,
      int sequences,
      int steps,
      int past,
      int spare,
      int window,
      float softCap,
      boolean causal,
      int threads) {
    long seed = 1000L * steps + past + headDim;
    Random random = new Random(seed);
    float scale = (float) (3 / Math.sqrt(headDim));
    AttentionSpec spec = new AttentionSpec(heads, kvHeads, headDim, scale, softCap, window, causal);
    try (Arena arena = Arena.ofShared();
        VectorBackend vector = new VectorBackend(threads);
        ScalarBackend scalar = new ScalarBackend(DType.F32)) {
      int capacity = past + steps + spare;
      Tensor q = random(arena, random, sequences * steps, heads * headDim);
      Tensor k = random(arena, random, sequences * capacity, kvHeads * headDim);
      Tensor v = random(arena, random, sequences * capacity, kvHeads * headDim);
      for (int s = 0; s < sequences; s++) {
        for (int row = s * capacity + past + steps; row < (s + 1) * capacity; row++) {
          fill(k, row, Float.NaN);
          fill(v, row, Float.NaN);
        }
      }
      compare(arena, vector, scalar, q, k, v, spec, sequences, past, seed);
    }
  }

  /** Scores far beyond the range of the exponential. */
  @ParameterizedTest
  @ValueSource(ints = {1, 20})
  void extremeScores(int steps) {
    long seed = 5;
    Random random = new Random(seed);
    AttentionSpec spec = new AttentionSpec(4, 2, 32, 3000, 0, 0, true);
    try (Arena arena = Arena.ofShared();
        VectorBackend vector = new VectorBackend(2);
        ScalarBackend scalar = new ScalarBackend(DType.F32)) {
      Tensor q = random(arena, random, steps, 128);
      Tensor k = random(arena, random, 400, 64);
      Tensor v = random(arena, random, 400, 64);
      compare(arena, vector, scalar, q, k, v, spec, 1, 300, seed);
    }
  }

  private static void compare(
      Arena arena,
      VectorBackend vector,
      ScalarBackend scalar,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionSpec spec,
      int sequences,
      int past,
      long seed) {
    Tensor found = Tensor.allocate(arena, DType.F32, q.shape());
    Tensor expected = Tensor.allocate(arena, DType.F32, q.shape());
    scalar.attention(expected, q, k, v, spec, sequences, past);
    // Twice: the second call finds the memory of the first.
    vector.attention(found, q, k, v, spec, sequences, past);
    fill(found, 0, Float.NaN);
    vector.attention(found, q, k, v, spec, sequences, past);
    for (long i = 0; i < found.shape().elements(); i++) {
      float want = expected.segment().getAtIndex(JAVA_FLOAT, i);
      float got = found.segment().getAtIndex(JAVA_FLOAT, i);
      long row = i / q.columns();
      assertEquals(
          want, got, 3e-5, "row " + row + ", element " + i % q.columns() + ", seed " + seed);
    }
  }

  private static Tensor random(Arena arena, Random random, int rows, int columns) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, Shape.of(rows, columns));
    for (long i = 0; i < tensor.shape().elements(); i++) {
      tensor.segment().setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return tensor;
  }

  private static void fill(Tensor tensor, int row, float value) {
    for (int i = 0; i < tensor.columns(); i++) {
      tensor.segment().setAtIndex(JAVA_FLOAT, (long) row * tensor.columns() + i, value);
    }
  }
}
