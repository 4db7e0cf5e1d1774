package jllm.model;

import jllm.format.WeightSource;
import jllm.tensor.Backend;
import jllm.tensor.Memory;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;

/** Weights as a backend wants them; lets the pages of those go that it copied. */
final class AdoptedWeights implements Weights {
  private final WeightSource source;
  private final Backend backend;
  private final Memory memory;

  AdoptedWeights(WeightSource source, Backend backend, Memory memory) {
    this.source = source;
    this.backend = backend;
    this.memory = memory;
  }

  @Override
  public boolean has(String name) {
    return source.has(name);
  }

  @Override
  public Tensor take(String name, WeightUse use) {
    Tensor stored = source.tensor(name);
    Tensor adopted = backend.adopt(stored, use, memory);
    if (adopted != stored) {
      source.release(name);
    }
    return adopted;
  }

  @Override
  public Tensor[] split(String name, WeightUse use, int... rows) {
    Tensor stored = source.tensor(name);
    Tensor[] parts = new Tensor[rows.length];
    boolean copied = true;
    int from = 0;
    for (int part = 0; part < rows.length; part++) {
      Tensor view = stored.slice(from, rows[part]);
      parts[part] = backend.adopt(view, use, memory);
      copied &= parts[part] != view;
      from += rows[part];
    }
    if (copied) {
      source.release(name);
    }
    return parts;
  }
}
