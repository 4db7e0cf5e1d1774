package jllm.model;

import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Memory;
import jllm.tensor.OffloadedBlocks;
import org.jspecify.annotations.Nullable;

/**
 * The last blocks of a model, where another backend computes them than the rest.
 *
 * @param memory for their weights
 * @param exec for their activations
 */
record Offload(OffloadedBlocks blocks, Memory memory, Exec exec) implements AutoCloseable {

  /** What the backend of a model leaves to another one; null if it computes all itself. */
  static @Nullable Offload of(Backend backend) {
    OffloadedBlocks blocks = backend.offloadedBlocks();
    if (blocks == null) {
      return null;
    }
    Memory memory = blocks.backend().memory();
    return new Offload(blocks, memory, new Exec(blocks.backend()));
  }

  int first(int all) {
    return blocks.first(all);
  }

  Backend backend() {
    return blocks.backend();
  }

  @Override
  public void close() {
    exec.close();
    memory.close();
  }
}
