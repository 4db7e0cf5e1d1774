package jllm.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import jllm.tensor.DType;
import jllm.tensor.quant.BlockEncoder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The vector search writes the very bytes that the plain one does. */
class VectorGroupSearchTest {
  private static final long SEED = 17;

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"})
  void encodesTheSameBytes(DType type) {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int blocks : new int[] {1, 2, 3, 7, 8, 9, 16, 21}) {
      for (int kind = 0; kind < 7; kind++) {
        float[] values = new float[5 + blocks * 256];
        for (int i = 0; i < values.length; i++) {
          values[i] = value(random, kind, i);
        }
        byte[] expected = encode(BlockEncoder.of(type).orElseThrow(), values, blocks);
        byte[] found =
            encode(BlockEncoder.of(type, new VectorGroupSearch()).orElseThrow(), values, blocks);
        int mismatch = java.util.Arrays.mismatch(expected, found);
        assertEquals(-1, mismatch, blocks + " blocks of kind " + kind + ", seed " + SEED);
      }
    }
  }

  private static float value(SplittableRandom random, int kind, int i) {
    float value = (float) random.nextGaussian();
    return switch (kind) {
      case 0 -> value;
      case 1 -> value * value * value;
      case 2 -> Math.abs(value) + 1;
      case 3 -> -3 - Math.abs(value);
      case 4 -> i / 40 % 2 == 0 ? 0 : random.nextInt(3) - 1;
      case 5 -> value * 1e-6f;
      default -> i % 97 == 0 ? 100 * value : -0.0f;
    };
  }

  private static byte[] encode(BlockEncoder encoder, float[] values, int blocks) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(encoder.dtype().bytes(blocks * 256L));
      encoder.encode(values, 5, blocks * 256, memory, 0);
      return memory.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }
  }
}
