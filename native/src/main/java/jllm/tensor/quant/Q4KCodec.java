package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q4_K: 256 elements in 8 groups of 32; element = {@code d * scale[g] * q - dmin * min[g]}, q in
 * 0..15, scale and min in 0..63.
 *
 * <pre>
 * byte 0    F16   d, F16 dmin
 * byte 4    the integer scales and minima, see {@link SixBitPairs}
 * byte 16   uint8 qs[128]: 32 bytes for two groups, the even one in the low nibbles
 * </pre>
 */
final class Q4KCodec implements BlockCodec, BlockEncoder {
  static final Q4KCodec INSTANCE = new Q4KCodec();

  private static final int LENGTH = 256;
  private static final int GROUP = 32;
  private static final int BYTES = 144;
  private static final int SCALES = 4;
  private static final int QUANTS = 16;

  private static final int LIMIT = 15;
  private static final GroupSearch.Grid GRID = new GroupSearch.Grid(-1, 0.25f, 9, 4);
  private static final BlockEncoder PLAIN = encoder(ScalarGroupSearch.INSTANCE);

  /** The standard deviation of a nibble times the root mean square of a scale. */
  private static final float RANDOM_DEVIATION =
      (float) (Layouts.uniformDeviation(LIMIT + 1) * SixBitPairs.RANDOM_DEVIATION);

  private Q4KCodec() {}

  @Override
  public DType dtype() {
    return DType.Q4_K;
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
        int shift = group % 2 * 4;
        int to = at + done + group * GROUP;
        for (int i = 0; i < GROUP; i++) {
          target[to + i] = scale * (Layouts.unsigned(source, quants + i) >> shift & 0xf) - min;
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
    return new AffineEncoder(DType.Q4_K, GROUP, LIMIT, 63, GRID, Q4KCodec::write, search);
  }

  private static void write(AffineBlock block, MemorySegment target, long offset) {
    target.set(Layouts.SHORT, offset, block.d);
    target.set(Layouts.SHORT, offset + 2, block.dmin);
    SixBitPairs.write(block.scales, block.minima, target, offset + SCALES);
    byte[] q = block.quants;
    for (int pair = 0; pair < LENGTH / 2 / GROUP; pair++) {
      int low = 2 * pair * GROUP;
      for (int i = 0; i < GROUP; i++) {
        byte both = (byte) (q[low + i] | q[low + GROUP + i] << 4);
        target.set(ValueLayout.JAVA_BYTE, offset + QUANTS + pair * GROUP + i, both);
      }
    }
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      Layouts.setHalf(target, offset, sigma / RANDOM_DEVIATION * Layouts.jitter(random));
      Layouts.setHalf(target, offset + 2, LIMIT / 2f * Layouts.half(target, offset));
      SixBitPairs.randomize(target, offset + SCALES, random);
      Layouts.randomBytes(target, offset + QUANTS, LENGTH / 2, random);
    }
  }
}
