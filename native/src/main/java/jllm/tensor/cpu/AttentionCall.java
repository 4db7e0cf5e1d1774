package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Tensor;

/** The operands of an attention operation, and which keys a query sees. */
final class AttentionCall {
  MemorySegment out = MemorySegment.NULL;
  MemorySegment q = MemorySegment.NULL;
  MemorySegment k = MemorySegment.NULL;
  MemorySegment v = MemorySegment.NULL;
  AttentionSpec spec = new AttentionSpec(1, 1, 1, 1, 0, 0, true);

  /** H*D and K*D, the lengths of rows. */
  int queryColumns;

  int keyColumns;
  int sequences;

  /** T, queries of a sequence. */
  int steps;

  /** Rows of keys that a sequence has room for. */
  int capacity;

  int past;

  void set(Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    this.out = out.segment();
    this.q = q.segment();
    this.k = k.segment();
    this.v = v.segment();
    this.spec = spec;
    this.sequences = sequences;
    this.past = past;
    queryColumns = q.columns();
    keyColumns = k.columns();
    steps = q.rows() / sequences;
    capacity = k.rows() / sequences;
  }

  /** The first key that query {@code step} of a sequence sees. */
  int firstKey(int step) {
    return spec.window() > 0 ? Math.max(0, past + step + 1 - spec.window()) : 0;
  }

  /** The end of the keys that query {@code step} sees. */
  int endKey(int step) {
    return past + (spec.causal() ? step + 1 : steps);
  }

  /** Byte of q and out at which a head of a query begins. */
  long queryAt(int sequence, int step, int head) {
    long row = (long) sequence * steps + step;
    return 4 * (row * queryColumns + (long) head * spec.headDim());
  }

  /** Byte of k and v at which a head of a key begins. */
  long keyAt(int sequence, int key, int kvHead) {
    long row = (long) sequence * capacity + key;
    return 4 * (row * keyColumns + (long) kvHead * spec.headDim());
  }
}
