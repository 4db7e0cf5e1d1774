package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/** IEEE 754 binary32. */
final class F32Codec implements BlockCodec, BlockEncoder {
  static final F32Codec INSTANCE = new F32Codec();

  private F32Codec() {}

  @Override
  public DType dtype() {
    return DType.F32;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    MemorySegment.copy(source, Layouts.FLOAT, offset, target, at, count);
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    MemorySegment.copy(source, at, target, Layouts.FLOAT, offset, count);
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
      target.set(Layouts.FLOAT, offset + 4L * i, (short) bits * step);
    }
  }
}
