package jllm.tensor.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.zip.CRC32;
import jllm.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class BlockEncoderTest {

  @Test
  void bf16RoundsToNearestEven() {
    float step = 0x1p-7f;
    // Just below, at and just above the middle of two neighbours; then with an odd lower neighbour.
    float[] values = {
      1 + step * 0.499f, 1 + step * 0.5f, 1 + step * 0.501f, 1 + step * 1.5f, -1 - step * 1.5f
    };
    float[] rounded = {1, 1, 1 + step, 1 + 2 * step, -1 - 2 * step};
    assertArrayEquals(rounded, roundTrip(DType.BF16, values));
  }

  @Test
  void bf16KeepsNanAndOverflowsToInfinity() {
    float[] values = {
      Float.intBitsToFloat(0x7f800001),
      Float.intBitsToFloat(0x7fffffff),
      Float.MAX_VALUE,
      Float.NEGATIVE_INFINITY,
      -0.0f,
      Float.MIN_VALUE
    };
    float[] expected = {
      Float.NaN, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, -0.0f, 0
    };
    assertArrayEquals(expected, roundTrip(DType.BF16, values));
  }

  @Test
  void f16RoundsToNearestEven() {
    float step = 0x1p-10f;
    float[] values = {1 + step * 0.5f, 1 + step * 1.5f, 65519, 65520, 0x1p-25f, 0x1.8p-24f, -3e-8f};
    float[] rounded = {1, 1 + 2 * step, 65504, Float.POSITIVE_INFINITY, 0, 0x1p-23f, -0x1p-24f};
    assertArrayEquals(rounded, roundTrip(DType.F16, values));
  }

  @Test
  void q80DividesTheLargestBy127() {
    float[] values = new float[32];
    values[0] = -63.5f; // d = 0.5
    values[1] = 0.25f; // half a step: away from zero
    values[2] = -0.25f;
    values[3] = 0.24f;
    values[31] = 31.75f;
    float[] expected = values.clone();
    expected[1] = 0.5f;
    expected[2] = -0.5f;
    expected[3] = 0;
    expected[31] = 32;
    assertArrayEquals(expected, roundTrip(DType.Q8_0, values));
  }

  @Test
  void q40KeepsTheLargestAtMinusEight() {
    float[] values = new float[32];
    values[4] = 4; // d = -0.5: q = 8 - 2 v
    values[5] = -4; // would be q = 16: one too many
    values[20] = 0.74f;
    values[21] = 0.75f; // 6.5 + 0.5 rounds down to 7 in q, away from 0.5 towards ... q = 7
    values[31] = -1;
    float[] expected = new float[32];
    Arrays.fill(expected, -0.0f);
    expected[4] = 4;
    expected[5] = -3.5f;
    expected[20] = 0.5f;
    expected[21] = 0.5f;
    expected[31] = -1;
    assertArrayEquals(expected, roundTrip(DType.Q4_0, values));
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"I32", "F64", "F32", "F16", "BF16"})
  void zerosAndAlmostZerosStayZero(DType type) {
    assertArrayEquals(new float[512], positive(roundTrip(type, new float[512])));
    float[] tiny = new float[256];
    tiny[3] = Float.MIN_VALUE;
    assertArrayEquals(new float[256], positive(roundTrip(type, tiny)));
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F64", "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"})
  void errorsAreWithinHalfAStep(DType type) {
    long seed = 11;
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[32 * 100];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    float[] rounded = roundTrip(type, values);
    for (int block = 0; block < values.length; block += 32) {
      float largest = 0;
      for (int i = block; i < block + 32; i++) {
        largest = Math.max(largest, Math.abs(values[i]));
      }
      for (int i = block; i < block + 32; i++) {
        double allowed =
            switch (type) {
              case F16 -> Math.abs(values[i]) * 0x1p-11 + 0x1p-25;
              case BF16 -> Math.abs(values[i]) * 0x1p-8;
              // The scale is rounded to F16 after the quants were chosen.
              case Q8_0 -> largest / 254 + Math.abs(values[i]) * 0x1p-10;
              // Values opposite to the largest are cut off at 7 steps.
              case Q4_0 -> largest / 8 + Math.abs(values[i]) * 0x1p-10;
              case Q5_0 -> largest / 16 + Math.abs(values[i]) * 0x1p-10;
              case Q4_1 -> largest / 15 + largest * 0x1p-9;
              case Q5_1 -> largest / 31 + largest * 0x1p-9;
              default -> 0;
            };
        assertEquals(values[i], rounded[i], allowed * 1.001, "element " + i + ", seed " + seed);
      }
    }
  }

  /** Encoding what was decoded gives the same bytes: nothing drifts when a model is converted. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void encodingIsStable(long seed) {
    float[] values = new float[32 * 50];
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    for (DType type : new DType[] {DType.F16, DType.BF16, DType.Q8_0, DType.Q4_0}) {
      float[] once = roundTrip(type, values);
      assertArrayEquals(once, roundTrip(type, once), 1e-3f, type + ", seed " + seed);
    }
  }

  /**
   * The CRC-32 of what llama.cpp's {@code ggml_quantize_chunk} (of February 2025) writes for {@link
   * #goldenValues}, taken from a C program linked with it.
   */
  @ParameterizedTest
  @CsvSource({
    "Q8_0, 5cbd02fa",
    "Q4_0, c3d3c394",
    "Q4_1, 28cbf348",
    "Q5_0, 515923de",
    "Q5_1, 9aa3a7ec"
  })
  void sameBytesAsGgml(DType type, String expected) {
    float[] values = goldenValues();
    CRC32 crc = new CRC32();
    crc.update(encode(type, values));
    assertEquals(expected, Long.toHexString(crc.getValue()));
  }

  /**
   * 64 blocks: cubes of pseudo-random numbers, a block of zeros, of one value, of zeros of both
   * signs.
   */
  private static float[] goldenValues() {
    float[] values = new float[32 * 64];
    long state = 12345;
    for (int i = 0; i < values.length; i++) {
      state = state * 6364136223846793005L + 1442695040888963407L;
      float a = ((state >>> 40) - (1 << 23)) / (float) (1 << 23);
      values[i] = a * a * a;
    }
    Arrays.fill(values, 5 * 32, 6 * 32, 0);
    Arrays.fill(values, 7 * 32, 8 * 32, 0.375f);
    Arrays.fill(values, 9 * 32, 10 * 32, -0.0f);
    values[9 * 32 + 4] = 0;
    return values;
  }

  /**
   * What llama.cpp's search reaches (same version, no importance matrix) for normally distributed
   * values, and for values of Student's distribution with 3 degrees of freedom, which has outliers:
   * relative root mean square errors of half a million values each.
   */
  @ParameterizedTest
  @CsvSource({
    "Q2_K, 0.2961, 0.3497",
    "Q3_K, 0.1507, 0.1884",
    "Q4_K, 0.07137, 0.09263",
    "Q5_K, 0.03612, 0.04712",
    "Q6_K, 0.01777, 0.02564",
    "IQ4_NL, 0.07618, 0.1020",
    "IQ4_XS, 0.07677, 0.1031"
  })
  void searchedTypesComeAtLeastAsCloseAsGgml(DType type, double normal, double heavy) {
    long seed = 23;
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[256 * 256];
    float[] tails = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (0.02 * random.nextGaussian());
      double squares = 0;
      for (int k = 0; k < 3; k++) {
        squares += Math.pow(random.nextGaussian(), 2);
      }
      tails[i] = (float) (0.02 * random.nextGaussian() / Math.sqrt(squares / 3));
    }
    assertTrue(error(type, values) < normal, type + ": " + error(type, values));
    assertTrue(error(type, tails) < heavy, type + ": " + error(type, tails));
  }

  private static double error(DType type, float[] values) {
    float[] rounded = roundTrip(type, values);
    double error = 0;
    double size = 0;
    for (int i = 0; i < values.length; i++) {
      error += Math.pow((double) rounded[i] - values[i], 2);
      size += (double) values[i] * values[i];
    }
    return Math.sqrt(error / size);
  }

  /** What a type can hold exactly stays as it is. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"})
  void groupsOfOneValueAreKept(DType type) {
    for (float value : new float[] {1, -1, 0.25f, -3000}) {
      float[] values = new float[256];
      Arrays.fill(values, value);
      float[] rounded = roundTrip(type, values);
      for (float r : rounded) {
        assertEquals(value, r, Math.abs(value) * 1e-3, type + " of " + value);
      }
    }
  }

  private static byte[] encode(DType type, float[] values) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(type.bytes(values.length));
      BlockEncoder.of(type).orElseThrow().encode(values, 0, values.length, memory, 0);
      return memory.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static float[] positive(float[] values) {
    float[] result = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = values[i] + 0.0f; // -0 becomes 0
    }
    return result;
  }

  private static float[] roundTrip(DType type, float[] values) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(type.bytes(values.length) + 8);
      memory.fill((byte) 0x5a);
      BlockEncoder.of(type).orElseThrow().encode(values, 0, values.length, memory, 0);
      assertEquals(
          0x5a5a5a5a5a5a5a5aL,
          memory.get(ValueLayout.JAVA_LONG_UNALIGNED, type.bytes(values.length)),
          "bytes behind the blocks");
      float[] decoded = new float[values.length];
      BlockCodec.of(type).decode(memory, 0, decoded, 0, values.length);
      return decoded;
    }
  }
}
