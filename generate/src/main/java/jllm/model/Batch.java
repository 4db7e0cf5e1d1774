package jllm.model;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The input of one step: token ids and their positions, and the cache they continue. It is filled
 * again for each step; a step of the same number of rows allocates nothing.
 */
public final class Batch implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final Tensor allIds;
  private final Tensor allPositions;
  private final @Nullable KvCache cache;
  private Tensor ids;
  private Tensor positions;
  private int sequences = 1;
  private int past;
  private @Nullable Tensor globalRotations;
  private @Nullable Tensor localRotations;

  private Batch(int maxRows, @Nullable KvCache cache) {
    this.allIds = Tensor.allocate(arena, DType.I32, Shape.of(maxRows));
    this.allPositions = Tensor.allocate(arena, DType.I32, Shape.of(maxRows));
    this.ids = allIds;
    this.positions = allPositions;
    this.cache = cache;
  }

  /** For one sequence that grows in a cache, at most {@code maxRows} tokens a step. */
  public static Batch continuing(KvCache cache, int maxRows) {
    return new Batch(maxRows, cache);
  }

  /** For whole sequences without a cache, at most {@code maxRows} tokens a step. */
  public static Batch whole(int maxRows) {
    return new Batch(maxRows, null);
  }

  /** The most tokens a step may have. */
  public int maxRows() {
    return allIds.dim(0);
  }

  /**
   * The next step's tokens: {@code count} of {@code tokens} from {@code from} on, at the positions
   * after those in the cache; without a cache, {@code sequences} sequences of equal length, each
   * from position 0.
   *
   * @throws IllegalArgumentException if there are more than fit the batch or the cache
   */
  public Batch fill(int[] tokens, int from, int count, int sequences) {
    if (count < 1 || count > maxRows() || count % sequences != 0) {
      throw new IllegalArgumentException(
          count
              + " tokens in "
              + sequences
              + " sequences; a step takes 1 to "
              + maxRows()
              + ", the same for each sequence");
    }
    if (cache != null && (sequences != 1 || cache.length() + count > cache.capacity())) {
      throw new IllegalArgumentException(
          count
              + " tokens in "
              + sequences
              + " sequences after "
              + cache.length()
              + " of "
              + cache.capacity()
              + " positions");
    }
    if (ids.dim(0) != count) {
      ids = allIds.slice(0, count);
      positions = allPositions.slice(0, count);
    }
    this.sequences = sequences;
    this.past = cache == null ? 0 : cache.length();
    int length = count / sequences;
    for (int row = 0; row < count; row++) {
      ids.segment().setAtIndex(ValueLayout.JAVA_INT, row, tokens[from + row]);
      positions.segment().setAtIndex(ValueLayout.JAVA_INT, row, past + row % length);
    }
    return this;
  }

  /** I32 [N]. */
  Tensor ids() {
    return ids;
  }

  /** I32 [N]. */
  Tensor positions() {
    return positions;
  }

  @Nullable KvCache cache() {
    return cache;
  }

  int sequences() {
    return sequences;
  }

  /** Positions before this step. */
  int past() {
    return past;
  }

  /**
   * Positions of the session, which some context extensions depend on: those of the cache, or of
   * the step.
   */
  int context() {
    return cache == null ? ids.dim(0) / sequences : cache.capacity();
  }

  void rotations(@Nullable Tensor global, @Nullable Tensor local) {
    this.globalRotations = global;
    this.localRotations = local;
  }

  /** The angles of the step's positions, absent where the model has no rotary embedding. */
  @Nullable Tensor rotations(boolean local) {
    return local ? localRotations : globalRotations;
  }

  @Override
  public void close() {
    arena.close();
  }
}
