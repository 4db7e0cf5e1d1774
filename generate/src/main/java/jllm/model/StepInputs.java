package jllm.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import jllm.tensor.TokenChoice;

/**
 * What differs between steps of one token each of some sequences, in the memory of the backend,
 * where recorded steps read it: the tokens, their positions, for each layer the rows of the caches
 * that they go to, how the tokens after them are chosen, and which caches these are.
 */
final class StepInputs implements AutoCloseable {
  /** Numbers that the addresses of keys and values take. */
  private static final int ADDRESSES = 4;

  private final Backend backend;
  private final Memory memory;
  private final int sequences;
  private final int layers;
  private final boolean several;
  private final int choicesAt;
  private final int cachesAt;
  private final MemorySegment host;
  private final Tensor all;
  private final Tensor behindTokens;
  private final Tensor tokens;
  private final Tensor positions;
  private final Tensor choices;
  private final Tensor[] rows;
  private final Tensor[] caches;

  /**
   * @param several whether caches may be others in each step; if not, there is one
   */
  StepInputs(int sequences, int layers, boolean several, Backend backend, Arena arena) {
    this.backend = backend;
    this.memory = backend.memory();
    this.sequences = sequences;
    this.layers = layers;
    this.several = several;
    // Choices and addresses begin at multiples of 8 bytes.
    this.choicesAt = Math.ceilDiv((2 + layers) * sequences, 2) * 2;
    this.cachesAt = choicesAt + sequences * TokenChoice.INTS;
    int count = cachesAt + (several ? layers * sequences * ADDRESSES : 0);
    this.host = arena.allocate(ValueLayout.JAVA_LONG, count / 2);
    this.all = memory.tensor(DType.I32, Shape.of(count));
    this.behindTokens = all.slice(sequences, count - sequences);
    this.tokens = all.slice(0, sequences);
    this.positions = all.slice(sequences, sequences);
    this.choices = all.slice(choicesAt, sequences * TokenChoice.INTS);
    this.rows = new Tensor[layers];
    this.caches = new Tensor[several ? layers : 0];
    for (int layer = 0; layer < layers; layer++) {
      rows[layer] = all.slice((2 + layer) * sequences, sequences);
      if (several) {
        int at = cachesAt + layer * sequences * ADDRESSES;
        caches[layer] = all.slice(at, sequences * ADDRESSES);
      }
    }
  }

  /** How the token of a sequence after the next step's is chosen; see {@link TokenChoice#write}. */
  void putChoice(int sequence, TokenChoice next, int vocabulary, int bias) {
    long at = (long) (choicesAt + sequence * TokenChoice.INTS) * Integer.BYTES;
    next.write(host.asSlice(at), vocabulary, bias);
  }

  /**
   * Copies the numbers of the next step, behind what the caches hold; makes room in the caches.
   *
   * @param nextTokens from {@code from} on, one of each sequence
   */
  void put(int[] nextTokens, int from, KvCache... used) {
    MemorySegment.copy(nextTokens, from, host, ValueLayout.JAVA_INT, 0, sequences);
    place(used);
    backend.upload(all, host);
  }

  /** As {@link #put}, where the tokens are there already. */
  void putBehindTokens(KvCache... used) {
    place(used);
    backend.upload(behindTokens, host.asSlice((long) sequences * Integer.BYTES));
  }

  private void place(KvCache[] used) {
    for (int sequence = 0; sequence < sequences; sequence++) {
      KvCache cache = used[sequence];
      int past = cache.length();
      host.setAtIndex(ValueLayout.JAVA_INT, sequences + sequence, past);
      for (int layer = 0; layer < layers; layer++) {
        LayerCache own = cache.layer(layer);
        int row = own.place(past, 1, backend);
        host.setAtIndex(ValueLayout.JAVA_INT, (2L + layer) * sequences + sequence, row);
        if (several) {
          long at = cachesAt / 2 + 2L * (layer * sequences + sequence);
          host.setAtIndex(ValueLayout.JAVA_LONG, at, address(own.keys()));
          host.setAtIndex(ValueLayout.JAVA_LONG, at + 1, address(own.values()));
        }
      }
    }
  }

  private static long address(Tensor tensor) {
    if (tensor.storage() instanceof Storage.Device device) {
      return device.address();
    }
    throw new IllegalArgumentException(tensor + " is in the memory of the host");
  }

  /** I32 [N]. */
  Tensor tokens() {
    return tokens;
  }

  /** I32 [N]. */
  Tensor positions() {
    return positions;
  }

  /** I32 [N]. */
  Tensor rows(int layer) {
    return rows[layer];
  }

  /** I32 [N * {@link TokenChoice#INTS}]. */
  Tensor choices() {
    return choices;
  }

  /** The addresses of keys and values, two numbers of 64 bits for each sequence: I32 [4 N]. */
  Tensor caches(int layer) {
    return caches[layer];
  }

  @Override
  public void close() {
    memory.close();
  }
}
