package jllm.contract;

import java.util.Arrays;
import java.util.stream.Stream;
import jllm.tensor.DType;

/** Sizes that are no multiple of anything a kernel may work in, and those next to them. */
final class Sizes {
  /** Rows of activations: single tokens, then batches around the tiles of matrix kernels. */
  static final int[] ROWS = {1, 2, 3, 5, 7, 12, 13, 33, 65};

  /** Outputs of a layer. */
  static final int[] OUTPUTS = {1, 2, 15, 16, 17, 33, 100};

  /** Widths of activations that are not read in blocks. */
  static final int[] WIDTHS = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 257};

  private static final int[] PLAIN_INPUTS = {1, 3, 8, 31, 64, 100, 257, 600};
  private static final int[] SHORT_BLOCKS = {1, 2, 3, 7, 33};
  private static final int[] LONG_BLOCKS = {1, 3};

  private Sizes() {}

  /** Inputs of a layer with weights of a type: whole blocks. */
  static int[] inputs(DType type) {
    int block = type.blockLength();
    if (block == 1) {
      return PLAIN_INPUTS;
    }
    int[] counts = block <= 64 ? SHORT_BLOCKS : LONG_BLOCKS;
    return Arrays.stream(counts).map(count -> count * block).toArray();
  }

  /** An odd width of at least {@code least} that the type's blocks divide. */
  static int input(DType type, int least) {
    int blocks = Math.ceilDiv(least, type.blockLength());
    return (blocks | 1) * type.blockLength();
  }

  /** The types that weights of a file may have; the oracle's own precision is none of them. */
  static Stream<DType> weightTypes() {
    return Arrays.stream(DType.values()).filter(type -> type != DType.F64 && type != DType.I32);
  }
}
