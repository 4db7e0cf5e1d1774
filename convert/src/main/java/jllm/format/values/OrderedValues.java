package jllm.format.values;

import jllm.format.model.RowOrder;
import jllm.tensor.Tensor;
import jllm.tensor.quant.BlockCodec;

/** The values of a tensor with its rows in another order; of a vector, its elements. */
record OrderedValues(Tensor tensor, RowOrder order) implements TensorValues {
  @Override
  public long elements() {
    return tensor.shape().elements();
  }

  @Override
  public void read(long from, int count, float[] target) {
    int columns = tensor.shape().rank() == 1 ? 1 : tensor.columns();
    long rowBytes = tensor.dtype().bytes(columns);
    BlockCodec codec = BlockCodec.of(tensor.dtype());
    float[] values = new float[columns];
    for (long at = from; at < from + count; ) {
      int row = Math.toIntExact(at / columns);
      int column = (int) (at % columns);
      int length = (int) Math.min(columns - column, from + count - at);
      codec.decode(tensor.segment(), order.source(row) * rowBytes, values, 0, columns);
      System.arraycopy(values, column, target, (int) (at - from), length);
      at += length;
    }
  }
}
