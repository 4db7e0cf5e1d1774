package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jllm.tensor.cpu.Lanes.HALF;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jllm.tensor.DType;

/**
 * IQ4_NL: blocks of 32 columns, 4 lines of 8 columns each as in {@link PackedQ40}, then 16 scales
 * (F16).
 */
final class PackedIq4Nl extends PackedGroups {
  static final PackedIq4Nl INSTANCE = new PackedIq4Nl();

  private PackedIq4Nl() {
    super(DType.IQ4_NL, 2, 0);
  }

  /** {@link MatVecPairs.Scales}: no minima. */
  static void scales(
      MemorySegment weight, long block, long v, int blocks, MemorySegment target, long at) {
    long half = block + 4 * LINE + v / 2;
    for (int i = 0; i < blocks; i++, half += INSTANCE.packedBytes(), at += 2 * LINE) {
      ((IntVector)
              ShortVector.fromMemorySegment(HALF, weight, half, ORDER)
                  .convertShape(S2I, Lanes.INT, 0))
          .lanewise(LSHL, 13)
          .and(PackedF16.MASK)
          .reinterpretAsFloats()
          .mul(PackedF16.REBIAS)
          .intoMemorySegment(target, at, ORDER);
    }
  }

  @Override
  void unpack(MemorySegment weight, long line, long half, MemorySegment panel, long at, long step) {
    FloatVector scale =
        ((IntVector)
                ShortVector.fromMemorySegment(HALF, weight, half, ORDER)
                    .convertShape(S2I, Lanes.INT, 0))
            .lanewise(LSHL, 13)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS);
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
}
