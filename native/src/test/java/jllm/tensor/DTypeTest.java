package jllm.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DTypeTest {
  /** Bits per weight are those that model cards state. */
  @ParameterizedTest
  @CsvSource({
    "F64, 64",
    "F32, 32",
    "F16, 16",
    "BF16, 16",
    "I32, 32",
    "Q8_0, 8.5",
    "Q4_0, 4.5",
    "Q4_K, 4.5",
    "Q6_K, 6.5625"
  })
  void bitsPerElement(DType type, double bits) {
    assertEquals(bits, type.bytes(256) * 8 / 256.0);
    assertEquals(type.blockLength() > 1, type.isQuantized());
  }

  @Test
  void rowsAreWholeBlocks() {
    assertTrue(DType.Q4_K.divides(512));
    assertFalse(DType.Q4_K.divides(128));
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> DType.Q4_K.bytes(300));
    assertEquals("Q4_K stores blocks of 256 elements; 300 is not a multiple", error.getMessage());
  }

  @Test
  void bytesDoNotOverflow() {
    assertEquals(34L << 30, DType.Q8_0.bytes(1L << 35));
  }
}
