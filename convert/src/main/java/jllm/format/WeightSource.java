package jllm.format;

import jllm.tensor.DType;
import jllm.tensor.Tensor;

/**
 * Where the weights of a model come from: a mapped file, a folder, random numbers, another source
 * decorated. Names are those of {@link WeightNames}, whatever the file calls them.
 */
public interface WeightSource extends AutoCloseable {

  ModelConfig config();

  boolean has(String name);

  /**
   * A weight as stored, row-major. Linear weights are [O, I]; experts [E, O, I]; vectors [C].
   *
   * @return valid until {@link #release} or {@link #close}
   * @throws ModelFormatException if there is none of that name
   */
  Tensor tensor(String name);

  /** The element type of a weight. A source that knows it without loading the weight says so. */
  default DType dtype(String name) {
    return tensor(name).dtype();
  }

  /**
   * Says that nothing looks at the weight (or a view of it) any more, so that its mapped pages may
   * go.
   */
  void release(String name);

  @Override
  void close();
}
