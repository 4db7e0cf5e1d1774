package jllm.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StochasticRoundingTest {
  private static final long SEED = System.nanoTime();
  private static final int SEEDS = 400;
  private static final int PLACES = 50;

  private static float rounded(float value, long seed, long chunk, int place) {
    int key = new StochasticRounding(seed).key(chunk);
    return widened(StochasticRounding.round(value, key, place));
  }

  private static float widened(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /**
   * The mean over seeds and places is the value: within five deviations of a mean of so many coins,
   * which a right rounding misses in one of a hundred thousand runs.
   */
  @Test
  void meanIsTheValue() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int trial = 0; trial < 20; trial++) {
      float value = (float) random.nextGaussian();
      int low = Float.floatToRawIntBits(value) & 0xffff;
      float below = Float.intBitsToFloat(Float.floatToRawIntBits(value) - low);
      float above = Float.intBitsToFloat(Float.floatToRawIntBits(below) + 0x10000);
      long seed = random.nextLong();
      double up = 0;
      for (int i = 0; i < SEEDS; i++) {
        for (int place = 0; place < PLACES; place++) {
          float found = rounded(value, seed + i, i % 3, place * 97 % StochasticRounding.CHUNK);
          assertTrue(found == below || found == above, "seed " + SEED + ": " + found);
          up += found == above ? 1 : 0;
        }
      }
      double share = low / 65536.0;
      double count = (double) SEEDS * PLACES;
      double deviation = Math.sqrt(Math.max(share * (1 - share), 1 / count) / count);
      assertEquals(share, up / count, 5 * deviation, "seed " + SEED + ", value " + value);
    }
  }

  @Test
  void whatBf16HoldsStays() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 10_000; i++) {
      float value = widened((short) random.nextInt());
      float found = rounded(value, random.nextLong(), i, i % StochasticRounding.CHUNK);
      assertEquals(Float.isNaN(value), Float.isNaN(found), "seed " + SEED);
      if (!Float.isNaN(value)) {
        assertEquals(
            Float.floatToRawIntBits(value), Float.floatToRawIntBits(found), "seed " + SEED);
      }
    }
    // A payload in the lower half alone would become infinity.
    float nan = Float.intBitsToFloat(0x7f800001);
    assertTrue(Float.isNaN(rounded(nan, SEED, 0, 0)));
  }

  @Test
  void negativeNumbersMirrorPositiveOnes() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 1000; i++) {
      float value = (float) random.nextGaussian();
      assertEquals(-rounded(value, SEED, 1, i), rounded(-value, SEED, 1, i), "seed " + SEED);
    }
  }
}
