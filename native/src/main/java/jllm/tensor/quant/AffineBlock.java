package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;

/**
 * 256 values as {@code d * scale[g] * q - dmin * min[g]}: what blocks of Q2_K, Q4_K and Q5_K store,
 * before it becomes bits.
 */
final class AffineBlock {
  static final int LENGTH = 256;

  /** F16. */
  short d;

  /** F16. */
  short dmin;

  final int[] scales = new int[16];
  final int[] minima = new int[16];
  final byte[] quants = new byte[LENGTH];

  /** How a type stores a block. */
  interface Layout {
    void write(AffineBlock block, MemorySegment target, long offset);
  }
}
