package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q3_K: 256 elements in 16 groups of 16; element = {@code d * (scale[g] - 32) * (q - 4)}, q in
 * 0..7, scale in 0..63.
 *
 * <pre>
 * byte 0     uint8 high[32]: bit k of high[i] is the highest bit of element 32 k + i
 * byte 32    the 2 low bits of 256 numbers, see {@link BitPairs}
 * byte 96    uint8 s[12]: the low 4 bits of scale g in nibble g / 8 of s[g % 8], its high 2 bits in
 *            bits 2 (g / 4) and 2 (g / 4) + 1 of s[8 + g % 4]
 * byte 108   F16   d
 * </pre>
 */
final class Q3KCodec implements BlockCodec, BlockEncoder {
  static final Q3KCodec INSTANCE = new Q3KCodec();

  private static final int LENGTH = 256;
  private static final int GROUP = 16;
  private static final int GROUPS = LENGTH / GROUP;
  private static final int BYTES = 110;
  private static final int HIGH_BYTES = 32;
  private static final int QUANTS = 32;
  private static final int SCALES = 96;
  private static final int SCALE = 108;
  private static final int CENTER = 4;
  private static final int SCALE_CENTER = 32;
  private static final GroupSearch.Grid GRID = new GroupSearch.Grid(-1, 0.1f, 21, 2);
  private static final BlockEncoder PLAIN = encoder(ScalarGroupSearch.INSTANCE);

  /** The root mean square of an integer in -4..3 times that of a scale in 16..31. */
  private static final float RANDOM_DEVIATION =
      (float) (Math.sqrt((64 - 1) / 12.0 + 0.25) * Math.sqrt(23.5 * 23.5 + (256 - 1) / 12.0));

  private Q3KCodec() {}

  @Override
  public DType dtype() {
    return DType.Q3_K;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset + SCALE);
      for (int i = 0; i < LENGTH; i++) {
        int high = Layouts.unsigned(source, offset + i % HIGH_BYTES) >> i / HIGH_BYTES & 1;
        int q = BitPairs.get(source, offset + QUANTS, i) | high << 2;
        float scale = d * (scale(source, offset + SCALES, i / GROUP) - SCALE_CENTER);
        target[at + done + i] = scale * (q - CENTER);
      }
    }
  }

  private static int scale(MemorySegment source, long scales, int group) {
    int low = Layouts.unsigned(source, scales + group % 8) >> group / 8 * 4 & 0xf;
    return low | (Layouts.unsigned(source, scales + 8 + group % 4) >> group / 4 * 2 & 3) << 4;
  }

  private static void setScales(int[] scales, int first, MemorySegment target, long offset) {
    byte[] packed = new byte[12];
    for (int g = 0; g < GROUPS; g++) {
      int scale = scales[first + g] + SCALE_CENTER;
      packed[g % 8] |= (byte) ((scale & 0xf) << g / 8 * 4);
      packed[8 + g % 4] |= (byte) (scale >> 4 << g / 4 * 2);
    }
    MemorySegment.copy(packed, 0, target, ValueLayout.JAVA_BYTE, offset, packed.length);
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    PLAIN.encode(source, at, count, target, offset);
  }

  /** An encoder with another search. */
  static BlockEncoder encoder(GroupSearch search) {
    return new SymmetricEncoder(DType.Q3_K, CENTER, SCALE_CENTER, GRID, Q3KCodec::write, search);
  }

  private static void write(
      short d,
      int[] scales,
      int firstScale,
      byte[] quants,
      int firstQuant,
      MemorySegment target,
      long offset) {
    for (int i = 0; i < HIGH_BYTES; i++) {
      int high = 0;
      for (int k = 0; k < 8; k++) {
        high |= quants[firstQuant + HIGH_BYTES * k + i] >> 2 << k;
      }
      target.set(ValueLayout.JAVA_BYTE, offset + i, (byte) high);
    }
    BitPairs.write(quants, firstQuant, target, offset + QUANTS);
    setScales(scales, firstScale, target, offset + SCALES);
    target.set(Layouts.SHORT, offset + SCALE, d);
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    int[] scales = new int[GROUPS];
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      Layouts.randomBytes(target, offset, SCALES, random);
      long bits = random.nextLong();
      for (int g = 0; g < GROUPS; g++, bits >>>= 4) {
        int magnitude = 16 | (int) bits & 15;
        scales[g] = random.nextBoolean() ? -magnitude : magnitude;
      }
      setScales(scales, 0, target, offset + SCALES);
      Layouts.setHalf(target, offset + SCALE, sigma / RANDOM_DEVIATION * Layouts.jitter(random));
    }
  }
}
