package jllm.format.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.WeightSource;
import jllm.tensor.DType;
import jllm.tensor.Tensor;

/** Weights in files, each mapped (or copied) when it is asked for, with an arena of its own. */
final class FileWeights implements WeightSource {
  private final String file;
  private final ModelConfig config;
  private final Map<String, Weight> weights;
  private final Map<String, Loaded> loaded = new HashMap<>();

  private record Loaded(Tensor tensor, Arena arena) {}

  /**
   * @param file for messages
   * @param weights by our names, checked against the configuration
   */
  FileWeights(String file, ModelConfig config, Map<String, Weight> weights) {
    this.file = file;
    this.config = config;
    this.weights = weights;
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public boolean has(String name) {
    return weights.containsKey(name);
  }

  @Override
  public DType dtype(String name) {
    Weight weight = weights.get(name);
    if (weight == null) {
      throw missing(name);
    }
    return weight.dtype();
  }

  private ModelFormatException missing(String name) {
    return new ModelFormatException(file + ": tensor " + name + " is missing");
  }

  @Override
  public synchronized Tensor tensor(String name) {
    Loaded present = loaded.get(name);
    if (present != null) {
      return present.tensor();
    }
    Weight weight = weights.get(name);
    if (weight == null) {
      throw missing(name);
    }
    Arena arena = Arena.ofShared();
    boolean done = false;
    try {
      Tensor tensor = weight.load(arena);
      loaded.put(name, new Loaded(tensor, arena));
      done = true;
      return tensor;
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": tensor " + name + " cannot be read", e);
    } finally {
      if (!done) {
        arena.close();
      }
    }
  }

  @Override
  public synchronized void release(String name) {
    Loaded present = loaded.remove(name);
    if (present != null) {
      present.arena().close();
    }
  }

  @Override
  public synchronized void close() {
    loaded.values().forEach(present -> present.arena().close());
    loaded.clear();
  }
}
