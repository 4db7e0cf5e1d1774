package jllm.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TokenChoice;

/**
 * What differs between steps of one token, in the memory of the backend, where recorded steps read
 * it: the token, its position, for each layer the row of the cache that it goes to, and how the
 * token after it is chosen.
 */
final class StepInputs implements AutoCloseable {
  private static final int TOKEN = 0;
  private static final int POSITION = 1;
  private static final int ROWS = 2;

  private final KvCache cache;
  private final Backend backend;
  private final Memory memory;
  private final MemorySegment host;
  private final MemorySegment hostChoice;
  private final Tensor all;
  private final Tensor behindToken;
  private final Tensor token;
  private final Tensor position;
  private final Tensor[] rows;
  private final Tensor choice;

  StepInputs(KvCache cache, Backend backend, Arena arena) {
    this.cache = cache;
    this.backend = backend;
    this.memory = backend.memory();
    int choiceAt = Math.ceilDiv(ROWS + cache.layers(), 2) * 2; // it begins with a double
    int count = choiceAt + TokenChoice.INTS;
    this.host = arena.allocate(ValueLayout.JAVA_LONG, count / 2);
    this.hostChoice = host.asSlice((long) choiceAt * Integer.BYTES);
    this.all = memory.tensor(DType.I32, Shape.of(count));
    this.behindToken = all.slice(POSITION, count - POSITION);
    this.token = all.slice(TOKEN, 1);
    this.position = all.slice(POSITION, 1);
    this.choice = all.slice(choiceAt, TokenChoice.INTS);
    this.rows = new Tensor[cache.layers()];
    for (int layer = 0; layer < rows.length; layer++) {
      rows[layer] = all.slice(ROWS + layer, 1);
    }
  }

  /** How the token after the next step's is chosen; see {@link TokenChoice#write}. */
  void putChoice(TokenChoice next, int vocabulary, int bias) {
    next.write(hostChoice, vocabulary, bias);
  }

  /** Copies the numbers of the next step, behind what the cache holds; makes room in the cache. */
  void put(int nextToken) {
    host.setAtIndex(ValueLayout.JAVA_INT, TOKEN, nextToken);
    place();
    backend.upload(all, host);
  }

  /** As {@link #put}, where the token is there already. */
  void putBehindToken() {
    place();
    backend.upload(behindToken, host.asSlice((long) POSITION * Integer.BYTES));
  }

  private void place() {
    int past = cache.length();
    host.setAtIndex(ValueLayout.JAVA_INT, POSITION, past);
    for (int layer = 0; layer < rows.length; layer++) {
      int row = cache.layer(layer).place(past, 1, backend);
      host.setAtIndex(ValueLayout.JAVA_INT, ROWS + layer, row);
    }
  }

  /** I32 [1]. */
  Tensor token() {
    return token;
  }

  /** I32 [1]. */
  Tensor position() {
    return position;
  }

  /** I32 [1]. */
  Tensor row(int layer) {
    return rows[layer];
  }

  /** I32 [{@link TokenChoice#INTS}]. */
  Tensor choice() {
    return choice;
  }

  @Override
  public void close() {
    memory.close();
  }
}
