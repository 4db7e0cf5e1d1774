package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q6_K: 256 elements in 16 groups of 16; element = {@code d * scale[group] * (q - 32)}, q in 0..63.
 *
 * <pre>
 * byte 0     uint8 ql[128]: low 4 bits; byte 128 uint8 qh[64]: high 2 bits
 *            half h (128 elements) uses 64 bytes of ql and 32 of qh; its quarter k (32 elements),
 *            element i: nibble k / 2 of ql[32 (k % 2) + i], bits 2k and 2k + 1 of qh[i]
 * byte 192   int8  scale[16]
 * byte 208   F16   d
 * </pre>
 */
final class Q6KCodec implements BlockCodec, BlockEncoder {
  static final Q6KCodec INSTANCE = new Q6KCodec();

  private static final int LENGTH = 256;
  private static final int HALF = 128;
  private static final int QUARTER = 32;
  private static final int GROUP = 16;
  private static final int BYTES = 210;
  private static final int HIGH = 128;
  private static final int SCALES = 192;
  private static final int SCALE = 208;

  private static final int CENTER = 32;
  private static final GroupSearch.Grid GRID = new GroupSearch.Grid(-1, 0.2f, 11, 1);
  private static final BlockEncoder PLAIN = encoder(ScalarGroupSearch.INSTANCE);

  /** The root mean square of an integer in -32..31 times that of a scale in 64..127. */
  private static final float RANDOM_DEVIATION =
      (float) (Math.sqrt((4096 - 1) / 12.0 + 0.25) * Math.sqrt(95.5 * 95.5 + (4096 - 1) / 12.0));

  private Q6KCodec() {}

  @Override
  public DType dtype() {
    return DType.Q6_K;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset + SCALE);
      for (int part = 0; part < LENGTH / QUARTER; part++) {
        decodeQuarter(source, offset, d, part, target, at + done + part * QUARTER);
      }
    }
  }

  private static void decodeQuarter(
      MemorySegment source, long block, float d, int part, float[] target, int to) {
    int half = part / 4;
    int quarter = part % 4;
    long low = block + half * (HALF / 2) + quarter % 2 * QUARTER;
    long high = block + HIGH + half * QUARTER;
    for (int i = 0; i < QUARTER; i++) {
      int q =
          Layouts.unsigned(source, low + i) >> quarter / 2 * 4 & 0xf
              | (Layouts.unsigned(source, high + i) >> quarter * 2 & 3) << 4;
      int group = (part * QUARTER + i) / GROUP;
      target[to + i] = d * source.get(ValueLayout.JAVA_BYTE, block + SCALES + group) * (q - CENTER);
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    PLAIN.encode(source, at, count, target, offset);
  }

  /** An encoder with another search. */
  static BlockEncoder encoder(GroupSearch search) {
    return new SymmetricEncoder(DType.Q6_K, CENTER, 128, GRID, Q6KCodec::write, search);
  }

  private static void write(
      short d,
      int[] scales,
      int firstScale,
      byte[] quants,
      int firstQuant,
      MemorySegment target,
      long offset) {
    for (int half = 0; half < 2; half++) {
      int from = firstQuant + half * HALF;
      long low = offset + half * (HALF / 2);
      for (int i = 0; i < QUARTER; i++) {
        int a = quants[from + i];
        int b = quants[from + QUARTER + i];
        int c = quants[from + 2 * QUARTER + i];
        int e = quants[from + 3 * QUARTER + i];
        set(target, low + i, a & 0xf | (c & 0xf) << 4);
        set(target, low + QUARTER + i, b & 0xf | (e & 0xf) << 4);
        int high = a >> 4 | b >> 4 << 2 | c >> 4 << 4 | e >> 4 << 6;
        set(target, offset + HIGH + half * QUARTER + i, high);
      }
    }
    for (int g = 0; g < LENGTH / GROUP; g++) {
      set(target, offset + SCALES + g, scales[firstScale + g]);
    }
    target.set(Layouts.SHORT, offset + SCALE, d);
  }

  private static void set(MemorySegment target, long offset, int value) {
    target.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      randomizeBlock(target, offset, random, sigma);
    }
  }

  private static void randomizeBlock(
      MemorySegment target, long offset, RandomGenerator random, float sigma) {
    Layouts.randomBytes(target, offset, SCALES, random);
    long bits = random.nextLong();
    for (int group = 0; group < LENGTH / GROUP; group++) {
      // Bits overlap from group to group, which does no harm here.
      int magnitude = 64 + (int) (bits >>> 3 * group & 63);
      boolean negative = (bits >>> 48 + group & 1) != 0;
      byte scale = (byte) (negative ? -magnitude : magnitude);
      target.set(ValueLayout.JAVA_BYTE, offset + SCALES + group, scale);
    }
    Layouts.setHalf(target, offset + SCALE, sigma / RANDOM_DEVIATION * Layouts.jitter(random));
  }
}
