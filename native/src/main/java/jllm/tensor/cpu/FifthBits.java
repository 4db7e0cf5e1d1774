package jllm.tensor.cpu;

/**
 * The order in which packed blocks of Q5_0 and Q5_1 keep the fifth bits of their 32 columns. In the
 * file they are in the order of the columns; here those of columns 4i..4i+3, the lower nibbles of a
 * line, are bit 2i of the four bytes of the word, and those of columns 16 + 4i..16 + 4i+3, the
 * upper nibbles, bit 2i + 1.
 */
final class FifthBits {
  /** Of column 0 and every fourth after it, up to the 16th, in the file. */
  private static final int FILE = 0x1111;

  /** The same bits of columns here. */
  private static final int PACKED = 0b01010101;

  private FifthBits() {}

  static int pack(int bits) {
    int packed = 0;
    for (int b = 0; b < 4; b++) {
      int lower = Integer.compress(bits, FILE << b);
      int upper = Integer.compress(bits, FILE << b + 16);
      packed |= Integer.expand(lower, PACKED << 8 * b);
      packed |= Integer.expand(upper, PACKED << 8 * b + 1);
    }
    return packed;
  }

  static int restore(int packed) {
    int bits = 0;
    for (int b = 0; b < 4; b++) {
      int lower = Integer.compress(packed, PACKED << 8 * b);
      int upper = Integer.compress(packed, PACKED << 8 * b + 1);
      bits |= Integer.expand(lower, FILE << b);
      bits |= Integer.expand(upper, FILE << b + 16);
    }
    return bits;
  }
}
