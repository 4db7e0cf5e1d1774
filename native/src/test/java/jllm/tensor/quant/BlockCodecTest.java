package jllm.tensor.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jllm.tensor.DType;
import org.junit.jupiter.api.Test;

/** Blocks put together by hand, bit by bit, from the layouts of {@code ggml-common.h}. */
class BlockCodecTest {
  /** F16 patterns. */
  private static final int ONE = 0x3c00;

  private static final int HALF = 0x3800;
  private static final int MINUS_TWO = 0xc000;

  @Test
  void f16() {
    float[] values =
        decode(DType.F16, 6, 0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c, 0xff, 0x7b, 0, 0x80);
    assertArrayEquals(new float[] {1, -2, 0x1p-24f, Float.POSITIVE_INFINITY, 65504, -0.0f}, values);
  }

  @Test
  void bf16() {
    float[] values = decode(DType.BF16, 4, 0x80, 0x3f, 0x49, 0x40, 0x80, 0xff, 0x01, 0x00);
    assertArrayEquals(
        new float[] {1, 3.140625f, Float.NEGATIVE_INFINITY, Float.intBitsToFloat(0x10000)}, values);
  }

  @Test
  void q80() {
    int[] block = new int[34];
    half(block, 0, MINUS_TWO);
    block[2] = 1;
    block[3] = 0x80;
    block[33] = 0x7f;
    float[] expected = new float[32];
    Arrays.fill(expected, -0.0f);
    expected[0] = -2;
    expected[1] = 256;
    expected[31] = -254;
    assertArrayEquals(expected, decode(DType.Q8_0, 32, block));
  }

  @Test
  void q40() {
    int[] block = new int[18];
    half(block, 0, HALF);
    Arrays.fill(block, 2, 18, 0x88);
    block[2] = 0xf0;
    block[17] = 0x19;
    float[] expected = new float[32];
    expected[0] = -4;
    expected[16] = 3.5f;
    expected[15] = 0.5f;
    expected[31] = -3.5f;
    assertArrayEquals(expected, decode(DType.Q4_0, 32, block));
  }

  @Test
  void q40ReadsTheBlocksOfARowOneAfterTheOther() {
    int[] blocks = new int[36];
    half(blocks, 0, ONE);
    half(blocks, 18, MINUS_TWO);
    float[] values = decode(DType.Q4_0, 64, blocks);
    assertEquals(-8, values[31]);
    assertEquals(16, values[32]);
  }

  @Test
  void q4K() {
    int[] block = new int[144];
    half(block, 0, ONE);
    half(block, 2, HALF);
    // Group 1: scale 0b100001 = 33, min 0b000011 = 3. Group 5: scale 0b10_1010 = 42, min 0b01_0111.
    block[4 + 1] = 0b10_100001;
    block[4 + 5] = 0b01_000011;
    block[4 + 9] = 0b0111_1010;
    // The last element of group 1: high nibble of byte 31; the first of group 5: of byte 64.
    block[16 + 31] = 0xc0;
    block[16 + 64] = 0x5f;
    float[] expected = new float[256];
    Arrays.fill(expected, 32, 64, -1.5f);
    Arrays.fill(expected, 5 * 32, 6 * 32, -11.5f);
    expected[63] = 33 * 12 - 1.5f;
    expected[5 * 32] = 42 * 5 - 11.5f;
    assertArrayEquals(expected, decode(DType.Q4_K, 256, block));
  }

  @Test
  void q4KSharesTheBytesOfTwoGroups() {
    int[] block = new int[144];
    half(block, 0, ONE);
    block[4] = 1; // scale of group 0
    block[5] = 2; // scale of group 1
    block[16 + 7] = 0x93;
    float[] values = decode(DType.Q4_K, 256, block);
    assertEquals(3, values[7]);
    assertEquals(18, values[32 + 7]);
  }

  @Test
  void q6K() {
    int[] block = new int[210];
    half(block, 208, HALF);
    // All q are 0 but those set here; scales: group 0: 1, group 11: -3, the others 0.
    block[192] = 1;
    block[192 + 11] = 0xfd;
    // Element 5 is in half 0, quarter 0: low nibble of ql[5], bits 0-1 of qh[5].
    block[5] = 0xa7;
    block[128 + 5] = 0b11_01_10_01;
    // Element 187 = 128 + 59 is in half 1, quarter 1, place 27: low nibble of ql[64 + 32 + 27],
    // bits 2-3 of qh[32 + 27]; group 11 holds elements 176..191.
    block[64 + 59] = 0xcd;
    block[128 + 32 + 27] = 0b00_01_11_10;
    float[] expected = new float[256];
    Arrays.fill(expected, 0, 16, -16);
    expected[5] = (0b01_0111 - 32) * 0.5f;
    Arrays.fill(expected, 176, 192, 48);
    expected[187] = (0b11_1101 - 32) * -1.5f;
    assertArrayEquals(expected, decode(DType.Q6_K, 256, block), 0); // a scale of 0 gives -0, too
  }

  @Test
  void q6KTakesTheUpperQuartersFromHighNibbles() {
    int[] block = new int[210];
    half(block, 208, ONE);
    Arrays.fill(block, 192, 208, 1);
    block[3] = 0x5a; // quarters 0 and 2, place 3
    block[32 + 3] = 0x96; // quarters 1 and 3, place 3
    block[128 + 3] = 0b11_10_01_00;
    float[] values = decode(DType.Q6_K, 256, block);
    assertEquals(0b00_1010 - 32, values[3]);
    assertEquals(0b01_0110 - 32, values[32 + 3]);
    assertEquals(0b10_0101 - 32, values[64 + 3]);
    assertEquals(0b11_1001 - 32, values[96 + 3]);
  }

  @Test
  void q41() {
    int[] block = new int[20];
    half(block, 0, HALF);
    half(block, 2, MINUS_TWO);
    block[4] = 0xf0;
    block[19] = 0x19;
    float[] expected = new float[32];
    Arrays.fill(expected, -2);
    expected[16] = 5.5f;
    expected[15] = 2.5f;
    expected[31] = -1.5f;
    assertArrayEquals(expected, decode(DType.Q4_1, 32, block));
  }

  @Test
  void q50() {
    int[] block = new int[22];
    half(block, 0, HALF);
    // Elements 3 and 20 have their fifth bit set.
    block[2] = 0b1000;
    block[4] = 0b10000;
    block[6 + 3] = 0xc5;
    block[6 + 4] = 0x20;
    float[] expected = new float[32];
    Arrays.fill(expected, -8);
    expected[3] = 2.5f;
    expected[19] = -2;
    expected[20] = 1;
    assertArrayEquals(expected, decode(DType.Q5_0, 32, block));
  }

  @Test
  void q51() {
    int[] block = new int[24];
    half(block, 0, MINUS_TWO);
    half(block, 2, ONE);
    block[4 + 3] = 0x80; // element 31
    block[4 + 1] = 0x01; // element 8
    block[8 + 15] = 0x72;
    block[8 + 8] = 0x0f;
    float[] expected = new float[32];
    Arrays.fill(expected, 1);
    expected[15] = -3;
    expected[31] = 1 - 2 * 23;
    expected[8] = 1 - 2 * 31;
    assertArrayEquals(expected, decode(DType.Q5_1, 32, block));
  }

  @Test
  void q2K() {
    int[] block = new int[84];
    half(block, 80, HALF);
    half(block, 82, ONE);
    block[1] = 0x2f; // group 1: scale 15, min 2
    block[13] = 0x31; // group 13: scale 1, min 3
    // Element 17 is in half 0, quarter 0, place 17; element 208 = 128 + 64 + 16 in half 1, quarter
    // 2, place 16.
    block[16 + 17] = 0b01_00_11_10;
    block[16 + 32 + 16] = 0b11_01_10_00;
    float[] expected = new float[256];
    Arrays.fill(expected, 16, 32, -2);
    Arrays.fill(expected, 208, 224, -3);
    expected[17] = 13;
    expected[208] = -2.5f;
    assertArrayEquals(expected, decode(DType.Q2_K, 256, block), 0); // a min of 0 gives -0, too
  }

  @Test
  void q3K() {
    int[] block = new int[110];
    half(block, 108, HALF);
    // Scales are lowered by 32: group 2: 0b10_0101 = 37, group 13: 0b01_1110 = 30, others: 32.
    Arrays.fill(block, 96 + 8, 96 + 12, 0b10_10_10_10);
    block[96 + 2] = 0x05;
    block[96 + 5] = 0xe0;
    block[96 + 8 + 1] = 0b01_10_10_10;
    // Element 33 is the quarter 1, place 1; element 223 = 6 * 32 + 31 in half 1, quarter 2.
    block[32 + 1] = 0b00_00_11_00;
    block[1] = 0b10;
    block[32 + 32 + 31] = 0b00_10_00_00;
    float[] expected = new float[256];
    Arrays.fill(expected, 32, 48, 2.5f * -4);
    Arrays.fill(expected, 208, 224, 4);
    expected[33] = 2.5f * 3;
    expected[223] = 2;
    assertArrayEquals(expected, decode(DType.Q3_K, 256, block), 0);
  }

  @Test
  void q5K() {
    int[] block = new int[176];
    half(block, 0, ONE);
    half(block, 2, HALF);
    block[4 + 1] = 3; // scale of group 1
    block[4 + 5] = 4; // min of group 1
    block[4 + 8 + 2] = 0x01; // scale of group 6: 1
    block[16 + 9] = 0b0100_0010; // fifth bits of groups 1 and 6, place 9
    block[48 + 9] = 0xa0;
    block[48 + 3 * 32 + 9] = 0x07;
    float[] expected = new float[256];
    Arrays.fill(expected, 32, 64, -2);
    expected[32 + 9] = 3 * 26 - 2;
    expected[6 * 32 + 9] = 23;
    assertArrayEquals(expected, decode(DType.Q5_K, 256, block), 0);
  }

  @Test
  void iq4Nl() {
    int[] block = new int[18];
    half(block, 0, HALF);
    Arrays.fill(block, 2, 18, 0x88); // 1
    block[2] = 0xf0;
    block[17] = 0x17;
    float[] expected = new float[32];
    Arrays.fill(expected, 0.5f);
    expected[0] = -63.5f;
    expected[16] = 56.5f;
    expected[15] = -5;
    expected[31] = -52;
    assertArrayEquals(expected, decode(DType.IQ4_NL, 32, block));
  }

  @Test
  void iq4Xs() {
    int[] block = new int[136];
    half(block, 0, HALF);
    // Scales are lowered by 32: group 0: 0b11_0001 = 49, group 5: 0b00_1111 = 15, others: 32.
    half(block, 2, 0b10_10_00_10_10_10_10_11);
    block[4] = 0x01;
    block[6] = 0xf0;
    block[8 + 2] = 0x3c; // of group 0: elements 2 and 18
    block[8 + 5 * 16] = 0x09;
    float[] expected = new float[256];
    Arrays.fill(expected, 0, 32, 8.5f * -127);
    Arrays.fill(expected, 160, 192, -8.5f * -127);
    expected[2] = 8.5f * 53;
    expected[18] = 8.5f * -65;
    expected[160] = -8.5f * 13;
    assertArrayEquals(expected, decode(DType.IQ4_XS, 256, block), 0);
  }

  @Test
  void decodesIntoTheMiddleOfAnArrayFromAnOddAddress() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(1 + 2 * 18);
      memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, 1 + 18, (short) ONE);
      float[] target = new float[34];
      BlockCodec.of(DType.Q4_0).decode(memory, 1 + 18, target, 1, 32);
      assertEquals(0, target[0]);
      assertEquals(-8, target[1]);
      assertEquals(-8, target[32]);
      assertEquals(0, target[33]);
    }
  }

  @Test
  void indicesHaveNoCodec() {
    assertThrows(IllegalArgumentException.class, () -> BlockCodec.of(DType.I32));
  }

  private static void half(int[] block, int at, int bits) {
    block[at] = bits & 0xff;
    block[at + 1] = bits >> 8;
  }

  private static float[] decode(DType type, int elements, int... bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(type.bytes(elements));
      assertEquals(memory.byteSize(), bytes.length);
      for (int i = 0; i < bytes.length; i++) {
        memory.set(ValueLayout.JAVA_BYTE, i, (byte) bytes[i]);
      }
      float[] values = new float[elements];
      BlockCodec.of(type).decode(memory, 0, values, 0, elements);
      return values;
    }
  }
}
