package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import jllm.tensor.quant.BlockCodec;

/**
 * Rows of a table by index. The table is as the file has it, or packed because it is an output
 * layer too.
 */
final class Embeddings implements AutoCloseable {
  private final Scratch scratch = new Scratch();
  private float[] values = new float[0];

  /** out [N, C]; table [V, C] of any type; ids I32 [N]. */
  void run(Tensor out, Tensor table, Tensor ids) {
    int columns = table.columns();
    if (values.length < columns) {
      values = new float[columns];
    }
    MemorySegment indices = ids.segment();
    int count = out.rows();
    for (int n = 0; n < count; n++) {
      decode(table, indices.get(JAVA_INT_UNALIGNED, 4L * n), columns);
      MemorySegment.copy(values, 0, out.segment(), JAVA_FLOAT_UNALIGNED, 4L * n * columns, columns);
    }
  }

  private void decode(Tensor table, int id, int columns) {
    DType type = table.dtype();
    BlockCodec codec = BlockCodec.of(type);
    long rowBytes = type.bytes(columns);
    if (table.storage() instanceof Storage.Packed packed) {
      PackedFormat format = (PackedFormat) packed.packing();
      MemorySegment row = scratch.reserve(rowBytes);
      long tile = id / PanelReader.ROWS * format.tileBytes(columns);
      format.restore(packed.segment(), tile, id % PanelReader.ROWS, columns, row);
      codec.decode(row, 0, values, 0, columns);
    } else {
      codec.decode(table.segment(), id * rowBytes, values, 0, columns);
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
