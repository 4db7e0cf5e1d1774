package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import jllm.tensor.DType;

/**
 * Rounds numbers to the values that a type can store, each block by itself. As {@link BlockCodec},
 * without state.
 *
 * <p>Values must be finite, and small enough for the scales of the type: what does not fit becomes
 * infinite.
 */
public interface BlockEncoder {

  DType dtype();

  /**
   * Encodes {@code count} consecutive elements of a row.
   *
   * @param source values, from index {@code at} on
   * @param count elements, a multiple of the block length
   * @param target row-major memory of this type
   * @param offset of the first block, in bytes
   */
  void encode(float[] source, int at, int count, MemorySegment target, long offset);

  /** The encoder of a type, if there is one. */
  static Optional<BlockEncoder> of(DType dtype) {
    return BlockCodec.of(dtype) instanceof BlockEncoder encoder
        ? Optional.of(encoder)
        : Optional.empty();
  }

  /**
   * The encoder of a type, with an implementation of the search of the K types that is faster than
   * the plain one.
   */
  static Optional<BlockEncoder> of(DType dtype, GroupSearch search) {
    return switch (dtype) {
      case Q2_K -> Optional.of(Q2KCodec.encoder(search));
      case Q3_K -> Optional.of(Q3KCodec.encoder(search));
      case Q4_K -> Optional.of(Q4KCodec.encoder(search));
      case Q5_K -> Optional.of(Q5KCodec.encoder(search));
      case Q6_K -> Optional.of(Q6KCodec.encoder(search));
      default -> of(dtype);
    };
  }
}
