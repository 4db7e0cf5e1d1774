package jllm.format.model;

import java.lang.foreign.Arena;
import java.lang.foreign.SegmentAllocator;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import jllm.ffi.PageAllocator;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.WeightSource;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;

/**
 * Weights that can be written, all in memory: what a model is trained on. They stay until {@link
 * #close}, whoever releases them.
 */
public final class MemoryWeights implements WeightSource {
  private final Arena arena = Arena.ofShared();
  private final ModelConfig config;
  private final SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();

  private MemoryWeights(ModelConfig config) {
    this.config = config;
  }

  /**
   * A copy of all weights of a source, which lets each go afterwards.
   *
   * @param matrices type of matrices and experts
   * @param vectors type of norms and biases
   * @throws ModelFormatException if a weight is missing
   * @throws OutOfMemoryError if they do not fit
   */
  public static MemoryWeights copyOf(WeightSource source, DType matrices, DType vectors) {
    MemoryWeights copy = new MemoryWeights(source.config());
    boolean done = false;
    try {
      SegmentAllocator memory = new PageAllocator(copy.arena);
      WeightLayout.forEach(
          source.config(),
          source::has,
          (name, shape) -> {
            DType type = shape.rank() == 1 ? vectors : matrices;
            copy.tensors.put(name, Conversions.convert(source.tensor(name), type, memory));
            source.release(name);
          });
      done = true;
      return copy;
    } finally {
      if (!done) {
        copy.close();
      }
    }
  }

  /** The weights by name, in the order of the model. */
  public Map<String, Tensor> all() {
    return Collections.unmodifiableMap(tensors);
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public boolean has(String name) {
    return tensors.containsKey(name);
  }

  @Override
  public Tensor tensor(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new ModelFormatException("weights in memory: tensor " + name + " is missing");
    }
    return tensor;
  }

  @Override
  public void release(String name) {
    // Trained weights are read by more than the model.
  }

  @Override
  public void close() {
    arena.close();
  }
}
