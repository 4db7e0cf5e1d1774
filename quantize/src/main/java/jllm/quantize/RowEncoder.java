package jllm.quantize;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorGroupSearch;
import jllm.tensor.quant.BlockCodec;
import jllm.tensor.quant.BlockEncoder;
import jllm.tensor.quant.GroupSearch;

/** Encodes rows of a tensor, one thread's share of them, and sums up what was lost. */
final class RowEncoder {
  private static final GroupSearch SEARCH = new VectorGroupSearch();

  private final RowReader reader;
  private final BlockCodec to;
  private final BlockEncoder encoder;
  private final long toBytes;
  private final float[] row;
  private final float[] decoded;
  private double squares;
  private double errors;

  RowEncoder(DType from, DType to, int columns) {
    this.reader = new RowReader(from, columns);
    this.to = BlockCodec.of(to);
    this.encoder =
        BlockEncoder.of(to, SEARCH)
            .orElseThrow(() -> new IllegalArgumentException("cannot encode " + to));
    this.toBytes = to.bytes(columns);
    this.row = reader.values();
    this.decoded = new float[columns];
  }

  /**
   * Encodes a row.
   *
   * @param source rows of the tensor
   * @param target encoded rows
   * @return what is wrong with the row, empty if nothing is
   */
  String encode(MemorySegment source, long sourceRow, MemorySegment target, long targetRow) {
    String wrong = reader.read(source, sourceRow);
    if (!wrong.isEmpty()) {
      return wrong;
    }
    encoder.encode(row, 0, row.length, target, targetRow * toBytes);
    to.decode(target, targetRow * toBytes, decoded, 0, row.length);
    double error = RowReader.squaredDistance(row, decoded);
    squares += reader.squares();
    errors += error;
    return Double.isFinite(error)
        ? ""
        : " holds values too large for " + to.dtype() + " (beyond what its scales can hold)";
  }

  double squares() {
    return squares;
  }

  double errors() {
    return errors;
  }
}
