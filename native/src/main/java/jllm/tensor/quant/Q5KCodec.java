package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q5_K: 256 elements in 8 groups of 32; element = {@code d * scale[g] * q - dmin * min[g]}, q in
 * 0..31, scale and min in 0..63.
 *
 * <pre>
 * byte 0    F16   d, F16 dmin
 * byte 4    the integer scales and minima, see {@link SixBitPairs}
 * byte 16   uint8 qh[32]: bit g of qh[i] is the highest bit of element i of group g
 * byte 48   uint8 qs[128]: 32 bytes for two groups, the even one in the low nibbles
 * </pre>
 */
final class Q5KCodec implements BlockCodec, BlockEncoder {
  static final Q5KCodec INSTANCE = new Q5KCodec();

  private static final int LENGTH = 256;
  private static final int GROUP = 32;
  private static final int BYTES = 176;
  private static final int SCALES = 4;
  private static final int HIGH = 16;
  private static final int QUANTS = 48;
  private static final int LIMIT = 31;
  private static final GroupSearch.Grid GRID = new GroupSearch.Grid(-1, 0.25f, 9, 3);
  private static final BlockEncoder PLAIN = encoder(ScalarGroupSearch.INSTANCE);

  /** The standard deviation of a quant times the root mean square of a scale. */
  private static final float RANDOM_DEVIATION =
      (float) (Layouts.uniformDeviation(LIMIT + 1) * SixBitPairs.RANDOM_DEVIATION);

  private Q5KCodec() {}

  @Override
  public DType dtype() {
    return DType.Q5_K;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset);
      float dmin = Layouts.half(source, offset + 2);
      for (int group = 0; group < LENGTH / GROUP; group++) {
        float scale = d * SixBitPairs.scale(source, offset + SCALES, group);
        float min = dmin * SixBitPairs.min(source, offset + SCALES, group);
        long quants = offset + QUANTS + group / 2 * GROUP;
        int to = at + done + group * GROUP;
        for (int i = 0; i < GROUP; i++) {
          int low = Layouts.unsigned(source, quants + i) >> group % 2 * 4 & 0xf;
          int high = Layouts.unsigned(source, offset + HIGH + i) >> group & 1;
          target[to + i] = scale * (low | high << 4) - min;
        }
      }
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    PLAIN.encode(source, at, count, target, offset);
  }

  /** An encoder with another search. */
  static BlockEncoder encoder(GroupSearch search) {
    return new AffineEncoder(DType.Q5_K, GROUP, LIMIT, 63, GRID, Q5KCodec::write, search);
  }

  private static void write(AffineBlock block, MemorySegment target, long offset) {
    target.set(Layouts.SHORT, offset, block.d);
    target.set(Layouts.SHORT, offset + 2, block.dmin);
    SixBitPairs.write(block.scales, block.minima, target, offset + SCALES);
    byte[] q = block.quants;
    for (int i = 0; i < GROUP; i++) {
      int high = 0;
      for (int pair = 0; pair < LENGTH / 2 / GROUP; pair++) {
        int first = q[2 * pair * GROUP + i];
        int second = q[(2 * pair + 1) * GROUP + i];
        byte low = (byte) (first & 0xf | (second & 0xf) << 4);
        target.set(ValueLayout.JAVA_BYTE, offset + QUANTS + pair * GROUP + i, low);
        high |= (first >> 4 | second >> 4 << 1) << 2 * pair;
      }
      target.set(ValueLayout.JAVA_BYTE, offset + HIGH + i, (byte) high);
    }
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      Layouts.setHalf(target, offset, sigma / RANDOM_DEVIATION * Layouts.jitter(random));
      Layouts.setHalf(target, offset + 2, LIMIT / 2f * Layouts.half(target, offset));
      SixBitPairs.randomize(target, offset + SCALES, random);
      Layouts.randomBytes(target, offset + HIGH, BYTES - HIGH, random);
    }
  }
}
