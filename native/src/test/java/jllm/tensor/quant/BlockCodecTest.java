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
