package jllm.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What is added to the logits of some sequences before a device chooses their tokens: a row for
 * each, in memory that is taken when the first is needed.
 */
final class Biases implements AutoCloseable {
  private final Backend backend;
  private final boolean[] used;
  private final int columns;
  private @Nullable Memory memory;
  private @Nullable Tensor table;

  Biases(Backend backend, int sequences, int columns) {
    this.backend = backend;
    this.used = new boolean[sequences];
    this.columns = columns;
  }

  /**
   * @param row of the vocabulary's length; empty = nothing
   * @return whether the table is new, so that what was recorded does not read it
   */
  boolean put(int sequence, float[] row) {
    used[sequence] = row.length > 0;
    if (!used[sequence]) {
      return false;
    }
    boolean first = table == null;
    if (table == null) {
      memory = backend.memory();
      table = memory.tensor(DType.F32, Shape.of(used.length, columns));
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_FLOAT, row);
      backend.upload(table.slice(sequence, 1), bytes);
    }
    return first;
  }

  /** The row of a sequence, -1 if it has none. */
  int rowOf(int sequence) {
    return used[sequence] ? sequence : -1;
  }

  /** F32 [sequences, V]; null while nothing has one. */
  @Nullable Tensor table() {
    return table;
  }

  @Override
  public void close() {
    if (memory != null) {
      memory.close();
    }
  }
}
