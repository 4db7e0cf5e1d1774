package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q2_K: 256 elements in 16 groups of 16; element = {@code d * scale[g] * q - dmin * min[g]}, q in
 * 0..3, scale and min in 0..15.
 *
 * <pre>
 * byte 0    uint8 s[16]: the scale of group g in the low nibble, its min in the high one
 * byte 16   256 numbers of 2 bits, see {@link BitPairs}
 * byte 80   F16   d, F16 dmin
 * </pre>
 */
final class Q2KCodec implements BlockCodec, BlockEncoder {
  static final Q2KCodec INSTANCE = new Q2KCodec();

  private static final int LENGTH = 256;
  private static final int GROUP = 16;
  private static final int BYTES = 84;
  private static final int QUANTS = 16;
  private static final int SCALE = 80;
  private static final int LIMIT = 3;
  private static final GroupSearch.Grid GRID = new GroupSearch.Grid(-0.5f, 0.15f, 11, 4);
  private static final BlockEncoder PLAIN = encoder(ScalarGroupSearch.INSTANCE);

  /** The standard deviation of a quant times the root mean square of a scale in 8..15. */
  private static final float RANDOM_DEVIATION =
      (float) (Layouts.uniformDeviation(LIMIT + 1) * Math.sqrt(11.5 * 11.5 + (64 - 1) / 12.0));

  private Q2KCodec() {}

  @Override
  public DType dtype() {
    return DType.Q2_K;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset + SCALE);
      float dmin = Layouts.half(source, offset + SCALE + 2);
      for (int i = 0; i < LENGTH; i++) {
        int both = Layouts.unsigned(source, offset + i / GROUP);
        float scale = d * (both & 0xf);
        target[at + done + i] =
            scale * BitPairs.get(source, offset + QUANTS, i) - dmin * (both >> 4);
      }
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    PLAIN.encode(source, at, count, target, offset);
  }

  /** An encoder with another search. */
  static BlockEncoder encoder(GroupSearch search) {
    return new AffineEncoder(DType.Q2_K, GROUP, LIMIT, 15, GRID, Q2KCodec::write, search);
  }

  private static void write(AffineBlock block, MemorySegment target, long offset) {
    for (int g = 0; g < LENGTH / GROUP; g++) {
      byte both = (byte) (block.scales[g] | block.minima[g] << 4);
      target.set(ValueLayout.JAVA_BYTE, offset + g, both);
    }
    BitPairs.write(block.quants, 0, target, offset + QUANTS);
    target.set(Layouts.SHORT, offset + SCALE, block.d);
    target.set(Layouts.SHORT, offset + SCALE + 2, block.dmin);
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      // Scale and min of a group are the same number, in 8..15, so that every group is centered.
      long bits = random.nextLong();
      for (int g = 0; g < LENGTH / GROUP; g++, bits >>>= 3) {
        int both = 8 | (int) bits & 7;
        target.set(ValueLayout.JAVA_BYTE, offset + g, (byte) (both | both << 4));
      }
      Layouts.randomBytes(target, offset + QUANTS, LENGTH / 4, random);
      float d = sigma / RANDOM_DEVIATION * Layouts.jitter(random);
      Layouts.setHalf(target, offset + SCALE, d);
      float stored = Layouts.half(target, offset + SCALE);
      Layouts.setHalf(target, offset + SCALE + 2, LIMIT / 2f * stored);
    }
  }
}
