package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * IQ4_XS: 256 elements in 8 groups of 32; element = {@code d * (scale[g] - 32) * value(q)}, scale
 * in 0..63, q in 0..15, see {@link Iq4}.
 *
 * <pre>
 * byte 0   F16    d
 * byte 2   uint16 high: bits 2g and 2g + 1 are the high 2 bits of scale g
 * byte 4   uint8  low[4]: the low 4 bits of scale g in nibble g % 2 of low[g / 2]
 * byte 8   uint8  qs[128]: 16 bytes for each group; element i of the group in the low nibble of
 *          byte i, element i + 16 in the high one
 * </pre>
 */
final class Iq4XsCodec implements BlockCodec, BlockEncoder {
  static final Iq4XsCodec INSTANCE = new Iq4XsCodec();

  private static final int LENGTH = 256;
  private static final int GROUP = Iq4.GROUP;
  private static final int GROUPS = LENGTH / GROUP;
  private static final int BYTES = 136;
  private static final int HIGH = 2;
  private static final int LOW = 4;
  private static final int QUANTS = 8;
  private static final int CENTER = 32;

  /** The root mean square of the values times that of a scale in 16..31. */
  private static final float RANDOM_DEVIATION =
      (float) (Iq4.DEVIATION * Math.sqrt(23.5 * 23.5 + (256 - 1) / 12.0));

  private Iq4XsCodec() {}

  @Override
  public DType dtype() {
    return DType.IQ4_XS;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset);
      int high = source.get(Layouts.SHORT, offset + HIGH);
      int low = source.get(Layouts.INT, offset + LOW);
      for (int g = 0; g < GROUPS; g++) {
        float scale = d * ((low >>> 4 * g & 0xf | (high >> 2 * g & 3) << 4) - CENTER);
        int to = at + done + g * GROUP;
        for (int i = 0; i < GROUP / 2; i++) {
          int pair = Layouts.unsigned(source, offset + QUANTS + g * GROUP / 2 + i);
          target[to + i] = scale * Iq4.value(pair & 0xf);
          target[to + GROUP / 2 + i] = scale * Iq4.value(pair >> 4);
        }
      }
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    float[] scales = new float[GROUPS];
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      encodeBlock(source, at + done, scales, target, offset);
    }
  }

  /** The scale of the block follows from the largest of its groups, then from all integers. */
  private static void encodeBlock(
      float[] source, int at, float[] scales, MemorySegment target, long offset) {
    for (int g = 0; g < GROUPS; g++) {
      scales[g] = Iq4.scale(source, at + g * GROUP);
    }
    int[] integers = new int[GROUPS];
    int[] others = new int[GROUPS];
    short half = Rounding.scaleToHalf(Rounding.largest(scales, 0, GROUPS) / -CENTER);
    float error = round(source, at, scales, Float.float16ToFloat(half), integers);
    float products = 0;
    float squares = 0;
    for (int g = 0; g < GROUPS; g++) {
      products += scales[g] * integers[g];
      squares += integers[g] * integers[g];
    }
    short refined = Rounding.scaleToHalf(squares > 0 ? products / squares : 0);
    if (round(source, at, scales, Float.float16ToFloat(refined), others) < error) {
      half = refined;
      integers = others;
    }
    target.set(Layouts.SHORT, offset, half);
    setScales(integers, target, offset);
    float d = Float.float16ToFloat(half);
    for (int g = 0; g < GROUPS; g++) {
      float inverse = Rounding.inverse(d * integers[g]);
      int from = at + g * GROUP;
      for (int i = 0; i < GROUP / 2; i++) {
        int low = Iq4.nearest(source[from + i] * inverse);
        int high = Iq4.nearest(source[from + GROUP / 2 + i] * inverse);
        target.set(
            ValueLayout.JAVA_BYTE, offset + QUANTS + g * GROUP / 2 + i, (byte) (low | high << 4));
      }
    }
  }

  /** Turns scales into integers times d and returns the squared error. */
  private static float round(float[] source, int at, float[] scales, float d, int[] integers) {
    float inverse = Rounding.inverse(d);
    float error = 0;
    for (int g = 0; g < GROUPS; g++) {
      integers[g] = bestScale(source, at + g * GROUP, d, scales[g] * inverse);
      error += Iq4.error(source, at + g * GROUP, d * integers[g]);
    }
    return error;
  }

  /** The better of the two integers next to a scale. */
  private static int bestScale(float[] source, int at, float d, float scale) {
    int lower = (int) Math.floor(Math.max(-CENTER, Math.min(CENTER - 1, scale)));
    int upper = Math.min(CENTER - 1, lower + 1);
    return Iq4.error(source, at, d * upper) < Iq4.error(source, at, d * lower) ? upper : lower;
  }

  private static void setScales(int[] scales, MemorySegment target, long offset) {
    int high = 0;
    int low = 0;
    for (int g = 0; g < GROUPS; g++) {
      int scale = scales[g] + CENTER;
      high |= scale >> 4 << 2 * g;
      low |= (scale & 0xf) << 4 * g;
    }
    target.set(Layouts.SHORT, offset + HIGH, (short) high);
    target.set(Layouts.INT, offset + LOW, low);
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    int[] scales = new int[GROUPS];
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      Layouts.setHalf(target, offset, sigma / RANDOM_DEVIATION * Layouts.jitter(random));
      int bits = random.nextInt();
      for (int g = 0; g < GROUPS; g++, bits >>>= 4) {
        int magnitude = 16 | bits & 15;
        scales[g] = random.nextBoolean() ? -magnitude : magnitude;
      }
      setScales(scales, target, offset);
      Layouts.randomBytes(target, offset + QUANTS, LENGTH / 2, random);
    }
  }
}
