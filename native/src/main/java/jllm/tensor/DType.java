package jllm.tensor;

/**
 * Element types. A quantized type stores a fixed number of consecutive elements of a row as one
 * block of bytes; the block layouts are those of ggml ({@code ggml-common.h}) and are described by
 * the codecs in {@code jllm.tensor.quant}.
 */
public enum DType {
  /**
   * IEEE 754 binary64. Only the scalar backend computes in it: gradient checks need the precision.
   */
  F64(1, 8),
  F32(1, 4),
  F16(1, 2),
  /** The upper half of an IEEE 754 binary32. */
  BF16(1, 2),
  I32(1, 4),
  /** 32 elements: one F16 scale, 32 int8. */
  Q8_0(32, 34),
  /** 32 elements: one F16 scale, 32 unsigned nibbles with an offset of 8. */
  Q4_0(32, 18),
  /** 32 elements: F16 scale and minimum, 32 nibbles. */
  Q4_1(32, 20),
  /** 32 elements: one F16 scale, 32 numbers of 5 bits with an offset of 16. */
  Q5_0(32, 22),
  /** 32 elements: F16 scale and minimum, 32 numbers of 5 bits. */
  Q5_1(32, 24),
  /** 256 elements: 16 pairs of 4-bit scales and minima, 256 bit pairs, F16 scale and minimum. */
  Q2_K(256, 84),
  /** 256 elements: 256 numbers of 3 bits, 16 scales of 6 bits, one F16 scale. */
  Q3_K(256, 110),
  /** 256 elements: F16 scale and minimum, 8 pairs of 6-bit scales and minima, 256 nibbles. */
  Q4_K(256, 144),
  /** As {@link #Q4_K}, with numbers of 5 bits. */
  Q5_K(256, 176),
  /**
   * 256 elements: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 int8 scales, one F16
   * scale.
   */
  Q6_K(256, 210),
  /** 32 elements: one F16 scale, 32 nibbles that stand for one of 16 unevenly spaced values. */
  IQ4_NL(32, 18),
  /** 256 elements: one F16 scale, 8 scales of 6 bits, 256 nibbles as those of {@link #IQ4_NL}. */
  IQ4_XS(256, 136);

  private final int blockLength;
  private final int blockBytes;

  DType(int blockLength, int blockBytes) {
    this.blockLength = blockLength;
    this.blockBytes = blockBytes;
  }

  /** Elements in one block; 1 for types that are not quantized. */
  public int blockLength() {
    return blockLength;
  }

  /** Bytes of one block. */
  public int blockBytes() {
    return blockBytes;
  }

  public boolean isQuantized() {
    return blockLength > 1;
  }

  /** Whether rows of {@code columns} elements can be stored: a row is a whole number of blocks. */
  public boolean divides(long columns) {
    return columns % blockLength == 0;
  }

  /**
   * Bytes of {@code elements} elements.
   *
   * @throws IllegalArgumentException if that is not a whole number of blocks
   */
  public long bytes(long elements) {
    if (!divides(elements)) {
      throw new IllegalArgumentException(
          this
              + " stores blocks of "
              + blockLength
              + " elements; "
              + elements
              + " is not a multiple");
    }
    return elements / blockLength * blockBytes;
  }
}
