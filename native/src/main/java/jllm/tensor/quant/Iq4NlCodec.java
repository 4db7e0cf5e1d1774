package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * IQ4_NL: 32 elements {@code d * value(q)}, q in 0..15, see {@link Iq4}.
 *
 * <pre>
 * byte 0   F16   d
 * byte 2   uint8 qs[16]: element i in the low nibble of qs[i], element i + 16 in the high one
 * </pre>
 */
final class Iq4NlCodec implements BlockCodec, BlockEncoder {
  static final Iq4NlCodec INSTANCE = new Iq4NlCodec();

  private static final int LENGTH = Iq4.GROUP;
  private static final int BYTES = 18;
  private static final int QUANTS = 2;

  private Iq4NlCodec() {}

  @Override
  public DType dtype() {
    return DType.IQ4_NL;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset);
      for (int i = 0; i < LENGTH / 2; i++) {
        int pair = Layouts.unsigned(source, offset + QUANTS + i);
        target[at + done + i] = d * Iq4.value(pair & 0xf);
        target[at + done + LENGTH / 2 + i] = d * Iq4.value(pair >> 4);
      }
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      target.set(Layouts.SHORT, offset, Rounding.scaleToHalf(Iq4.scale(source, at + done)));
      float inverse = Rounding.inverse(Layouts.half(target, offset));
      for (int i = 0; i < LENGTH / 2; i++) {
        int low = Iq4.nearest(source[at + done + i] * inverse);
        int high = Iq4.nearest(source[at + done + LENGTH / 2 + i] * inverse);
        target.set(ValueLayout.JAVA_BYTE, offset + QUANTS + i, (byte) (low | high << 4));
      }
    }
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      Layouts.setHalf(target, offset, sigma / Iq4.DEVIATION * Layouts.jitter(random));
      Layouts.randomBytes(target, offset + QUANTS, LENGTH / 2, random);
    }
  }
}
