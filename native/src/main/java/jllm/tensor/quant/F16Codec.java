package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/** IEEE 754 binary16; encoding rounds to nearest, ties to even. */
final class F16Codec implements BlockCodec, BlockEncoder {
  static final F16Codec INSTANCE = new F16Codec();

  private F16Codec() {}

  @Override
  public DType dtype() {
    return DType.F16;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int i = 0; i < count; i++) {
      target[at + i] = Layouts.half(source, offset + 2L * i);
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    for (int i = 0; i < count; i++) {
      Layouts.setHalf(target, offset + 2L * i, source[at + i]);
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
      Layouts.setHalf(target, offset + 2L * i, (short) bits * step);
    }
  }
}
