package jllm.format.values;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import jllm.format.StoredTensor;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.quant.BlockCodec;

/** The values of a tensor, decoded a chunk at a time. Any number of threads may read. */
interface TensorValues {
  /** Elements of a chunk: whole blocks of every type. */
  int CHUNK = 1 << 16;

  long elements();

  /**
   * Decodes a chunk.
   *
   * @param from first element, a multiple of {@link #CHUNK}
   * @param count elements, {@link #CHUNK} or those that are left
   */
  void read(long from, int count, float[] target);

  /** Whether values of a type can be decoded. */
  static boolean areReal(DType type) {
    return type != DType.I32;
  }

  /**
   * The values of a tensor of a file.
   *
   * @param arena for the mapping, shared
   */
  static TensorValues of(StoredTensor stored, Arena arena) throws IOException {
    return of(
        Tensor.of(
            stored.file().map(stored.offset(), stored.bytes(), arena),
            stored.requireType(),
            stored.shape()));
  }

  /** The values of a tensor in memory. */
  static TensorValues of(Tensor tensor) {
    BlockCodec codec = BlockCodec.of(tensor.dtype());
    return new TensorValues() {
      @Override
      public long elements() {
        return tensor.shape().elements();
      }

      @Override
      public void read(long from, int count, float[] target) {
        codec.decode(tensor.segment(), tensor.dtype().bytes(from), target, 0, count);
      }
    };
  }

  /** What a function gives for each chunk, by its first element, in order; on all cores. */
  static <T> List<T> forChunks(long elements, LongFunction<T> chunk) {
    return LongStream.range(0, Math.ceilDiv(elements, (long) CHUNK))
        .parallel()
        .mapToObj(i -> chunk.apply(i * CHUNK))
        .toList();
  }
}
