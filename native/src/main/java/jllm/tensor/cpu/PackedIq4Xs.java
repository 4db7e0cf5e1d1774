package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jllm.tensor.DType;

/**
 * IQ4_XS: blocks of 256 columns. Line 0 holds the scale of the block (F16) in its lower half and
 * the high bit pairs of the 8 groups' scales in its upper one, line 1 their low nibbles; then 4
 * lines of 8 columns for each group, as in {@link PackedQ40}.
 */
final class PackedIq4Xs extends PackedGroups {
  static final PackedIq4Xs INSTANCE = new PackedIq4Xs();

  private PackedIq4Xs() {
    super(DType.IQ4_XS, 0, -1);
  }

  @Override
  void unpack(MemorySegment weight, long line, long half, MemorySegment panel, long at, long step) {
    // The first column of each group keeps its scale until it is overwritten.
    scales(weight, line, panel, at, 32 * step);
    line += 2 * LINE;
    for (int group = 0; group < 8; group++, line += 4 * LINE, at += 32 * step) {
      group(weight, line, panel, at, step);
    }
  }

  private static void group(
      MemorySegment weight, long line, MemorySegment panel, long at, long step) {
    FloatVector scale = FloatVector.fromMemorySegment(FLOAT, panel, at, ORDER);
    for (int i = 0; i < 4; i++, line += LINE) {
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        Iq4Values.of(word.lanewise(LSHR, shift)).mul(scale).intoMemorySegment(panel, at, ORDER);
        Iq4Values.of(word.lanewise(LSHR, shift + 4))
            .mul(scale)
            .intoMemorySegment(panel, at + 16 * step, ORDER);
      }
    }
  }

  /** {@link MatVecPairs.Scales} of blocks of 256 columns, one at a time: no minima. */
  static void scales(
      MemorySegment weight, long block, long v, int blocks, MemorySegment target, long at) {
    scales(weight, block + v, target, at, 2 * LINE);
  }

  /**
   * Writes {@code d * (scale - 32)} of group g to {@code at + g * step}, a vector each.
   *
   * @param line byte of a block, plus that of the vector in a line
   */
  private static void scales(
      MemorySegment weight, long line, MemorySegment target, long at, long step) {
    IntVector first = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
    IntVector lows = IntVector.fromMemorySegment(Lanes.INT, weight, line + LINE, ORDER);
    IntVector highs = first.lanewise(LSHR, 16);
    FloatVector d =
        first
            .lanewise(LSHL, 16)
            .lanewise(ASHR, 3)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS);
    for (int group = 0; group < 8; group++, at += step) {
      IntVector low = lows.lanewise(LSHR, 4 * group).and(15);
      IntVector high = highs.lanewise(LSHR, 2 * group).and(3).lanewise(LSHL, 4);
      ((FloatVector) low.or(high).sub(32).convertShape(I2F, FLOAT, 0))
          .mul(d)
          .intoMemorySegment(target, at, ORDER);
    }
  }
}
