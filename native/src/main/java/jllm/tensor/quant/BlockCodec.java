package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * The memory layout of one element type. The arithmetic is that of ggml's reference ({@code
 * ggml-quants.c}): single precision, in the same order of operations.
 *
 * <p>Codecs have no state and may be shared by threads. Elements are counted in whole blocks of
 * {@link DType#blockLength}; block layouts are little-endian and need no alignment.
 */
public interface BlockCodec {

  DType dtype();

  /**
   * Decodes {@code count} consecutive elements of a row.
   *
   * @param source row-major memory of this type
   * @param offset of the first block, in bytes
   * @param target receives the values from index {@code at} on
   * @param count elements, a multiple of the block length
   */
  void decode(MemorySegment source, long offset, float[] target, int at, int count);

  /**
   * Fills consecutive blocks with random bits whose decoded values are finite, have a mean of about
   * 0 and a standard deviation of about {@code sigma}: weights for tests and measurements.
   *
   * @param offset of the first block, in bytes
   * @param count elements, a multiple of the block length
   * @param sigma positive; the type's scales must be able to hold it (F16 from 6e-8 to 65504)
   */
  void randomize(MemorySegment target, long offset, int count, RandomGenerator random, float sigma);

  /**
   * The codec of a type.
   *
   * @throws IllegalArgumentException if the type does not hold real numbers
   */
  static BlockCodec of(DType dtype) {
    return switch (dtype) {
      case F64 -> F64Codec.INSTANCE;
      case F32 -> F32Codec.INSTANCE;
      case F16 -> F16Codec.INSTANCE;
      case BF16 -> Bf16Codec.INSTANCE;
      case Q8_0 -> Q80Codec.INSTANCE;
      case Q4_0 -> Q40Codec.INSTANCE;
      case Q4_1 -> Q41Codec.INSTANCE;
      case Q5_0 -> Q50Codec.INSTANCE;
      case Q5_1 -> Q51Codec.INSTANCE;
      case Q2_K -> Q2KCodec.INSTANCE;
      case Q3_K -> Q3KCodec.INSTANCE;
      case Q4_K -> Q4KCodec.INSTANCE;
      case Q5_K -> Q5KCodec.INSTANCE;
      case Q6_K -> Q6KCodec.INSTANCE;
      case IQ4_NL -> Iq4NlCodec.INSTANCE;
      case IQ4_XS -> Iq4XsCodec.INSTANCE;
      case I32 ->
          throw new IllegalArgumentException("I32 holds indices, not values that can be decoded");
    };
  }
}
