package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/** IEEE 754 binary64, rounded to single precision on reading. */
final class F64Codec implements BlockCodec, BlockEncoder {
  static final F64Codec INSTANCE = new F64Codec();

  private F64Codec() {}

  @Override
  public DType dtype() {
    return DType.F64;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int i = 0; i < count; i++) {
      target[at + i] = (float) source.get(Layouts.DOUBLE, offset + 8L * i);
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    for (int i = 0; i < count; i++) {
      target.set(Layouts.DOUBLE, offset + 8L * i, source[at + i]);
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
      target.set(Layouts.DOUBLE, offset + 8L * i, (short) bits * step);
    }
  }
}
