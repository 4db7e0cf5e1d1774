package jllm.generate;

import jllm.model.Batch;
import jllm.model.CacheTypes;
import jllm.model.GroupSteps;
import jllm.model.KvCache;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.TokenChoice;

/**
 * Several sequences that go through a model side by side, each with a cache of its own: a step
 * reads the weights once for all of them. For one thread.
 */
final class SequenceGroup implements AutoCloseable {
  private final Transformer model;
  private final Exec exec;
  private final KvCache[] caches;
  private final Batch[] prefills;
  private final GroupSteps steps;

  /**
   * @param places sequences at most
   * @param context positions of each
   * @throws OutOfMemoryError if there is no memory for their keys and values
   */
  SequenceGroup(Transformer model, Backend backend, int places, int context, CacheTypes types) {
    this(model, backend, places, context, types, backend.promptRows());
  }

  /**
   * @param stepRows positions of a text that go through the model at once
   */
  SequenceGroup(
      Transformer model, Backend backend, int places, int context, CacheTypes types, int stepRows) {
    types.requireUsable(model.config(), backend);
    this.model = model;
    this.exec = new Exec(backend);
    this.caches = new KvCache[places];
    this.prefills = new Batch[places];
    for (int place = 0; place < places; place++) {
      caches[place] = model.newCache(context, types, stepRows);
      prefills[place] = Batch.continuing(caches[place], caches[place].stepRows());
    }
    this.steps = new GroupSteps(model, backend, places);
  }

  int context() {
    return caches[0].capacity();
  }

  /** Forgets all texts. */
  void clear() {
    for (KvCache cache : caches) {
      cache.truncate(0);
    }
  }

  int length(int place) {
    return caches[place].length();
  }

  /**
   * Runs a new text at a place, from its first token on.
   *
   * @return the logits [1, V] after its last token, valid until the next call
   */
  Tensor begin(int place, int[] tokens) {
    KvCache cache = caches[place];
    Batch batch = prefills[place];
    cache.truncate(0);
    for (int from = 0; ; ) {
      int count = Math.min(batch.maxRows(), tokens.length - from);
      exec.reset();
      Tensor hidden = model.hidden(exec, batch.fill(tokens, from, count, 1));
      cache.advance(count);
      from += count;
      if (from == tokens.length) {
        return exec.onHost(model.logits(exec, exec.lastRow(hidden)));
      }
    }
  }

  /**
   * Runs a further token of each of some sequences.
   *
   * @return the logits [places, V] in the order of {@code places}, valid until the next call
   */
  Tensor step(int[] places, int[] tokens) {
    return steps.run(cachesOf(places), tokens);
  }

  /** Whether {@link #stepToChoose} works here. */
  boolean chooses() {
    return steps.chooses();
  }

  /** What {@link #stepToChoose} adds to the logits of a sequence from now on; empty = nothing. */
  void biases(int place, float[] row) {
    steps.biases(place, row);
  }

  /**
   * Runs a further token of each of some sequences, and chooses those that come next.
   *
   * @return a token for each, in the order of {@code places}
   * @throws jllm.format.ModelFormatException if logits are not finite numbers
   */
  int[] stepToChoose(int[] places, int[] tokens, TokenChoice[] choices) {
    int[] chosen = steps.choose(places, cachesOf(places), tokens, choices);
    for (int token : chosen) {
      if (token < 0) {
        throw Candidates.notFinite();
      }
    }
    return chosen;
  }

  private KvCache[] cachesOf(int[] places) {
    KvCache[] used = new KvCache[places.length];
    for (int i = 0; i < used.length; i++) {
      used[i] = caches[places[i]];
    }
    return used;
  }

  /**
   * Makes the sequence at {@code to} a copy of another; their first {@code shared} are the same.
   */
  void copy(int from, int to, int shared) {
    caches[to].copy(caches[from], Math.min(shared, caches[to].length()), exec.backend());
  }

  @Override
  public void close() {
    steps.close();
    for (int place = 0; place < caches.length; place++) {
      prefills[place].close();
      caches[place].close();
    }
    exec.close();
  }
}
