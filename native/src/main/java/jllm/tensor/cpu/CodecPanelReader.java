package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.DType;
import jllm.tensor.quant.BlockCodec;

/** Reads row-major weights of any type through the type's codec: right for all, fast for none. */
final class CodecPanelReader implements PanelReader {
  private final BlockCodec codec;
  private final ThreadLocal<float[]> row = ThreadLocal.withInitial(() -> new float[0]);

  CodecPanelReader(DType type) {
    this.codec = BlockCodec.of(type);
  }

  @Override
  public void read(
      MemorySegment weight,
      long base,
      int rows,
      int columns,
      int row,
      int from,
      int to,
      MemorySegment panel,
      long at,
      int stride) {
    float[] values = this.row.get();
    if (values.length < to - from) {
      values = new float[to - from];
      this.row.set(values);
    }
    DType type = codec.dtype();
    long rowBytes = type.bytes(columns);
    for (int r = 0; r < ROWS; r++) {
      boolean present = row + r < rows;
      if (present) {
        codec.decode(weight, base + (row + r) * rowBytes + type.bytes(from), values, 0, to - from);
      }
      for (int k = 0; k < to - from; k++) {
        long target = at + 4L * ((long) k * stride + r);
        panel.set(ValueLayout.JAVA_FLOAT, target, present ? values[k] : 0);
      }
    }
  }
}
