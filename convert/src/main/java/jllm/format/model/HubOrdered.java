package jllm.format.model;

import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;

/**
 * The weights of another source with their rows in the order of Hugging Face's files, whose rotary
 * embedding pairs the halves of a head. Closing it leaves the other source open.
 */
public final class HubOrdered implements WeightSource {
  private final WeightSource source;
  private final ModelConfig config;
  private final Map<String, Ordered> ordered = new HashMap<>();

  private record Ordered(Tensor tensor, Arena arena) {}

  public HubOrdered(WeightSource source) {
    this.source = source;
    this.config = HubConfigWriter.normalized(source.config());
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public boolean has(String name) {
    return source.has(name);
  }

  @Override
  public DType dtype(String name) {
    return source.dtype(name);
  }

  @Override
  public synchronized Tensor tensor(String name) {
    Ordered present = ordered.get(name);
    if (present != null) {
      return present.tensor();
    }
    Tensor stored = source.tensor(name);
    RowOrder order = RowOrder.of(source.config(), RopePairing.HALF_SPLIT, name);
    if (order == null) {
      return stored;
    }
    Arena arena = Arena.ofShared();
    Tensor copy = order.copy(stored, arena);
    ordered.put(name, new Ordered(copy, arena));
    return copy;
  }

  @Override
  public synchronized void release(String name) {
    Ordered present = ordered.remove(name);
    if (present != null) {
      present.arena().close();
    }
    source.release(name);
  }

  @Override
  public synchronized void close() {
    ordered.values().forEach(present -> present.arena().close());
    ordered.clear();
  }
}
