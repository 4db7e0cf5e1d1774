package jllm.quantize;

import jllm.format.StoredTensor;
import jllm.format.gguf.GgmlType;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of a tensor.
 *
 * @param target its new type, absent if it stays as it is
 * @param fallback whether that is not the type that was meant for it, because its rows are no whole
 *     number of that type's blocks
 */
public record TensorPlan(StoredTensor tensor, @Nullable DType target, boolean fallback) {

  /** The type that it will have, as the file names it. */
  public GgmlType type() {
    return target == null ? GgmlType.valueOf(tensor.type()) : GgmlType.of(target);
  }

  /** Bytes that it will have. */
  public long bytes() {
    return target == null ? tensor.bytes() : target.bytes(tensor.shape().elements());
  }
}
