package jllm.format;

import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import jllm.tensor.Tensor;

/**
 * The weights of another source, some of them changed: these are copies, made when they are asked
 * for and kept until they are released. Closing it leaves the other source open.
 */
public abstract class CopiedWeights implements WeightSource {
  /** Whose weights they are. */
  protected final WeightSource source;

  private final Map<String, Copy> copies = new HashMap<>();

  private record Copy(Tensor tensor, Arena arena) {}

  protected CopiedWeights(WeightSource source) {
    this.source = source;
  }

  /** Whether a weight differs from that of the source. */
  protected abstract boolean isChanged(String name);

  /**
   * Writes what a changed weight is.
   *
   * @param copy of the shape of the weight, of type {@link #dtype}
   */
  protected abstract void fill(String name, Tensor copy);

  @Override
  public ModelConfig config() {
    return source.config();
  }

  @Override
  public boolean has(String name) {
    return source.has(name);
  }

  @Override
  public synchronized Tensor tensor(String name) {
    if (!isChanged(name)) {
      return source.tensor(name);
    }
    Copy present = copies.get(name);
    if (present != null) {
      return present.tensor();
    }
    Arena arena = Arena.ofShared();
    boolean done = false;
    try {
      Tensor copy = Tensor.allocate(arena, dtype(name), source.tensor(name).shape());
      fill(name, copy);
      copies.put(name, new Copy(copy, arena));
      done = true;
      return copy;
    } finally {
      if (!done) {
        arena.close();
      }
    }
  }

  @Override
  public synchronized void release(String name) {
    Copy present = copies.remove(name);
    if (present != null) {
      present.arena().close();
    }
    source.release(name);
  }

  @Override
  public synchronized void close() {
    copies.values().forEach(copy -> copy.arena().close());
    copies.clear();
  }
}
