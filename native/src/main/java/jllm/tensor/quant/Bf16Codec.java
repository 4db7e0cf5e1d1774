package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/** The upper half of an IEEE 754 binary32; encoding rounds to nearest, ties to even. */
final class Bf16Codec implements BlockCodec, BlockEncoder {
  static final Bf16Codec INSTANCE = new Bf16Codec();

  private static final int QUIET_NAN_BIT = 0x40;

  private Bf16Codec() {}

  @Override
  public DType dtype() {
    return DType.BF16;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int i = 0; i < count; i++) {
      target[at + i] = Float.intBitsToFloat(source.get(Layouts.SHORT, offset + 2L * i) << 16);
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    for (int i = 0; i < count; i++) {
      target.set(Layouts.SHORT, offset + 2L * i, round(source[at + i]));
    }
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    float step = Layouts.uniformStep(sigma);
    long bits = 0;
    for (int i = 0; i < count; i++, bits >>>= 16) {
      if (i % 4 == 0) {
        bits = random.nextLong();
      }
      target.set(Layouts.SHORT, offset + 2L * i, round((short) bits * step));
    }
  }

  private static short round(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      // Rounding could carry into the exponent, and cutting could leave an infinity.
      return (short) (bits >>> 16 | QUIET_NAN_BIT);
    }
    int odd = bits >>> 16 & 1;
    return (short) (bits + 0x7fff + odd >>> 16);
  }
}
