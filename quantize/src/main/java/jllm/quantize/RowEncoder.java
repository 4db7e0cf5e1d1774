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
    measure();
    return RowReader.isFinite(decoded)
        ? ""
        : " holds values too large for " + to.dtype() + " (beyond what its scales can hold)";
  }

  /** Four sums each, which do not wait for one another. */
  private void measure() {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = 0;
    for (; i < row.length - 1; i += 2) {
      double first = row[i];
      double second = row[i + 1];
      double firstError = first - decoded[i];
      double secondError = second - decoded[i + 1];
      a += first * first;
      b += second * second;
      c += firstError * firstError;
      d += secondError * secondError;
    }
    if (i < row.length) {
      a += (double) row[i] * row[i];
      c += Math.pow((double) row[i] - decoded[i], 2);
    }
    squares += a + b;
    errors += c + d;
  }

  double squares() {
    return squares;
  }

  double errors() {
    return errors;
  }
}
