package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import jllm.tensor.DType;
import jllm.tensor.Tensor;

/** Changes the type of whole tensors, through single precision. */
public final class Conversions {
  private Conversions() {}

  /**
   * A row-major copy of {@code source} in another type.
   *
   * @throws IllegalArgumentException if the type has no encoder, or its blocks do not divide a row
   */
  public static Tensor convert(Tensor source, DType type, SegmentAllocator allocator) {
    Tensor target = Tensor.allocate(allocator, type, source.shape());
    if (source.dtype() == type) {
      MemorySegment.copy(
          source.segment(), 0, target.segment(), 0, Tensor.byteSize(type, source.shape()));
      return target;
    }
    BlockCodec codec = BlockCodec.of(source.dtype());
    BlockEncoder encoder =
        BlockEncoder.of(type)
            .orElseThrow(
                () -> new IllegalArgumentException("cannot encode " + source + " as " + type));
    int columns = source.columns();
    long from = source.dtype().bytes(columns);
    long to = type.bytes(columns);
    float[] row = new float[columns];
    for (long r = 0; r < source.shape().rows(); r++) {
      codec.decode(source.segment(), r * from, row, 0, columns);
      encoder.encode(row, 0, columns, target.segment(), r * to);
    }
    return target;
  }

  /** The values of row {@code r}, decoded. */
  public static float[] row(Tensor source, long r) {
    int columns = source.columns();
    float[] row = new float[columns];
    BlockCodec.of(source.dtype())
        .decode(source.segment(), r * source.dtype().bytes(columns), row, 0, columns);
    return row;
  }
}
