package jllm.model;

import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tensor.DType;

/** The element types of the keys and the values of a {@link KvCache}. */
public record CacheTypes(DType keys, DType values) {

  /** Keys and values of one type. */
  public static CacheTypes of(DType type) {
    return new CacheTypes(type, type);
  }

  /**
   * @throws IllegalArgumentException if the backend cannot use such a cache, or the heads of the
   *     model are no whole number of blocks
   */
  public void requireUsable(ModelConfig config, Backend backend) {
    for (DType type : new DType[] {keys, values}) {
      if (!backend.readsCacheOf(type)) {
        throw new IllegalArgumentException(
            "a cache in "
                + type
                + " is not something that the backend "
                + backend.describe()
                + " computes with; use "
                + backend.activationType());
      }
      if (!type.divides(config.attention().headDim())) {
        throw new IllegalArgumentException(
            "a cache in %s stores blocks of %d elements, but the heads of this model have %d; use f16 or f32"
                .formatted(type, type.blockLength(), config.attention().headDim()));
      }
    }
  }
}
