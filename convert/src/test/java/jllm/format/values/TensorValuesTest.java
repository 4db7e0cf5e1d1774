package jllm.format.values;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Statistics and differences against plain sums, at sizes around those of chunks. */
class TensorValuesTest {
  private static final long SEED = 5;

  private record Given(float[] values) implements TensorValues {
    @Override
    public long elements() {
      return values.length;
    }

    @Override
    public void read(long from, int count, float[] target) {
      System.arraycopy(values, (int) from, target, 0, count);
    }
  }

  private static float[] random(int count, double mean) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(SEED + count);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = i % 10 == 3 ? 0 : (float) random.nextGaussian(mean, 0.5);
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 65_535, 65_536, 65_537, 300_001})
  void statisticsArePlainSums(int count) {
    float[] values = random(count, 3);
    double sum = 0;
    double least = Double.POSITIVE_INFINITY;
    double greatest = Double.NEGATIVE_INFINITY;
    long zeros = 0;
    for (float value : values) {
      sum += value;
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
      zeros += value == 0 ? 1 : 0;
    }
    double squares = 0;
    for (float value : values) {
      squares += Math.pow(value - sum / count, 2);
    }
    TensorStatistics found = TensorStatistics.of(new Given(values));
    assertEquals(sum / count, found.mean(), 1e-9);
    assertEquals(Math.sqrt(squares / count), found.deviation(), 1e-9);
    assertEquals(least, found.min());
    assertEquals(greatest, found.max());
    assertEquals(zeros, found.zeros());
    assertEquals(0, found.nonFinite());
  }

  @Test
  void valuesThatAreNotFiniteAreCountedAlone() {
    float[] values = {1, Float.NaN, 3, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
    TensorStatistics found = TensorStatistics.of(new Given(values));
    assertEquals(new TensorStatistics(5, 1, 3, 2, 1, 0, 3), found);
    TensorStatistics none = TensorStatistics.of(new Given(new float[] {Float.NaN}));
    assertTrue(Double.isNaN(none.mean()) && Double.isNaN(none.min()));
    assertEquals(1, none.nonFinite());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 65_536, 150_003})
  void differencesArePlainSums(int count) {
    float[] a = random(count, 1);
    float[] b = a.clone();
    assertTrue(ValueDifference.of(new Given(a), new Given(b)).isZero());
    b[count - 1] += 0.25f;
    double squares = 0;
    for (float value : a) {
      squares += (double) value * value;
    }
    double change = Math.abs((double) b[count - 1] - a[count - 1]);
    ValueDifference found = ValueDifference.of(new Given(a), new Given(b));
    assertEquals(change, found.greatest());
    assertEquals(change / Math.sqrt(squares), found.relative(), 1e-9);
  }

  @Test
  void onlyEqualValuesThatAreNotFiniteAreEqual() {
    float[] a = {1, Float.NaN, Float.POSITIVE_INFINITY};
    assertTrue(ValueDifference.of(new Given(a), new Given(a.clone())).isZero());
    float[] b = {1, Float.NaN, Float.NEGATIVE_INFINITY};
    ValueDifference found = ValueDifference.of(new Given(a), new Given(b));
    assertEquals(Double.POSITIVE_INFINITY, found.greatest());
    assertEquals(Double.POSITIVE_INFINITY, found.relative());
  }
}
