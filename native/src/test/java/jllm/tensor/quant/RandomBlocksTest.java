package jllm.tensor.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomBlocksTest {
  private static final long SEED = 5;

  @ParameterizedTest
  @EnumSource(value = DType.class, mode = EnumSource.Mode.EXCLUDE, names = "I32")
  void valuesHaveTheDeviationAskedFor(DType type) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = Tensor.allocate(arena, type, Shape.of(300, 768));
      for (float sigma : new float[] {0.02f, 3}) {
        RandomBlocks.fill(tensor, new SplittableRandom(SEED), sigma);
        double sum = 0;
        double squares = 0;
        for (int r = 0; r < tensor.rows(); r++) {
          for (float value : Conversions.row(tensor, r)) {
            sum += value;
            squares += (double) value * value;
          }
        }
        double count = tensor.shape().elements();
        assertEquals(sigma, Math.sqrt(squares / count), 0.02 * sigma, "deviation, seed " + SEED);
        assertEquals(0, sum / count, 0.02 * sigma, "mean, seed " + SEED);
      }
    }
  }

  @Test
  void theSameSeedGivesTheSameBlocks() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor a = Tensor.allocate(arena, DType.Q4_K, Shape.of(3, 512));
      Tensor b = Tensor.allocate(arena, DType.Q4_K, Shape.of(3, 512));
      RandomBlocks.fill(a, new SplittableRandom(SEED), 1);
      RandomBlocks.fill(b, new SplittableRandom(SEED), 1);
      assertEquals(-1, a.segment().mismatch(b.segment()));
    }
  }

  @Test
  void convertsWholeTensors() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor source = Tensor.allocate(arena, DType.Q6_K, Shape.of(2, 3, 256));
      RandomBlocks.fill(source, new SplittableRandom(SEED), 1);
      Tensor copy = Conversions.convert(source, DType.F32, arena);
      assertEquals(source.shape(), copy.shape());
      for (int r = 0; r < 6; r++) {
        assertArrayEquals(Conversions.row(source, r), Conversions.row(copy, r));
      }
      Tensor same = Conversions.convert(source, DType.Q6_K, arena);
      assertEquals(-1, source.segment().mismatch(same.segment()));
    }
  }
}
