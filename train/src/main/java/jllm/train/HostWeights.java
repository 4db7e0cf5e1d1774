package jllm.train;

import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.tensor.DType;
import jllm.tensor.Tensor;

/** The weights of a model in training where the host can read them, copied one at a time. */
final class HostWeights implements WeightSource {
  private final TrainedWeights weights;
  private final Map<String, Copy> copies = new HashMap<>();

  private record Copy(Arena arena, Tensor tensor) {}

  HostWeights(TrainedWeights weights) {
    this.weights = weights;
  }

  @Override
  public ModelConfig config() {
    return weights.config();
  }

  @Override
  public boolean has(String name) {
    return weights.has(name);
  }

  @Override
  public DType dtype(String name) {
    return weights.dtype(name);
  }

  @Override
  public synchronized Tensor tensor(String name) {
    return copies.computeIfAbsent(name, this::copy).tensor();
  }

  private Copy copy(String name) {
    Arena arena = Arena.ofShared();
    return new Copy(arena, weights.onHost(weights.tensor(name), arena));
  }

  @Override
  public synchronized void release(String name) {
    Copy copy = copies.remove(name);
    if (copy != null) {
      copy.arena().close();
    }
  }

  @Override
  public synchronized void close() {
    copies.values().forEach(copy -> copy.arena().close());
    copies.clear();
  }
}
