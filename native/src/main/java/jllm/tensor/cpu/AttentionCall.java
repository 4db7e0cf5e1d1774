package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.Dropout;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import org.jspecify.annotations.Nullable;

/** The operands of an attention operation, and which keys a query sees. */
final class AttentionCall {
  MemorySegment out = MemorySegment.NULL;
  MemorySegment q = MemorySegment.NULL;
  MemorySegment k = MemorySegment.NULL;
  MemorySegment v = MemorySegment.NULL;

  /** Types of k and v: float32, or those of {@link CacheRows}. */
  DType keyType = DType.F32;

  DType valueType = DType.F32;
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

  // In training: logarithms of the sums of exponentials [N, H]; for each row the first position of
  // its document; dropout of the weights.
  @Nullable MemorySegment lse;
  @Nullable MemorySegment starts;
  @Nullable Dropout dropout;

  /** Whole sequences of which queries and keys are all there. */
  void set(Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, TrainingAttention attention) {
    set(out, q, k, v, attention.spec(), attention.sequences(), 0);
    this.lse = lse.segment();
    Tensor documents = attention.starts();
    starts = documents == null ? null : documents.segment();
    dropout = attention.dropout();
  }

  void set(Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    this.out = out.segment();
    this.q = q.segment();
    this.k = k.segment();
    this.v = v.segment();
    this.keyType = k.dtype();
    this.valueType = v.dtype();
    this.spec = spec;
    this.sequences = sequences;
    this.past = past;
    lse = null;
    starts = null;
    dropout = null;
    queryColumns = q.columns();
    keyColumns = k.columns();
    steps = q.rows() / sequences;
    capacity = k.rows() / sequences;
  }

  /** The first key that query {@code step} of a sequence sees; it never falls with the step. */
  int firstKey(int sequence, int step) {
    int first = spec.window() > 0 ? Math.max(0, past + step + 1 - spec.window()) : 0;
    MemorySegment starts = this.starts;
    if (starts == null) {
      return first;
    }
    return Math.max(first, starts.get(JAVA_INT, 4 * ((long) sequence * steps + step)));
  }

  /** The end of the keys that query {@code step} sees. */
  int endKey(int step) {
    return past + (spec.causal() ? step + 1 : steps);
  }

  /** The number of the row of weights of a head and a query: place in lse, row for dropout. */
  long weightsRow(int sequence, int step, int head) {
    return ((long) sequence * steps + step) * spec.heads() + head;
  }

  /** Byte of q and out at which a head of a query begins. */
  long queryAt(int sequence, int step, int head) {
    long row = (long) sequence * steps + step;
    return 4 * (row * queryColumns + (long) head * spec.headDim());
  }

  /** Byte of k at which a head of a key begins. */
  long keyAt(int sequence, int key, int kvHead) {
    return keyType.bytes(elementAt(sequence, key, kvHead));
  }

  /** Byte of v at which a head of a value begins. */
  long valueAt(int sequence, int key, int kvHead) {
    return valueType.bytes(elementAt(sequence, key, kvHead));
  }

  private long elementAt(int sequence, int key, int kvHead) {
    long row = (long) sequence * capacity + key;
    return row * keyColumns + (long) kvHead * spec.headDim();
  }
}
