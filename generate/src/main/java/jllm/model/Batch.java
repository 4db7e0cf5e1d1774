package jllm.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Dropout;
import jllm.tensor.Exec;
import jllm.tensor.RouterBalance;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The input of one step: token ids and their positions, and the cache they continue or what is to
 * be predicted. It is filled again for each step; a step of the same number of rows allocates
 * nothing.
 */
public final class Batch implements AutoCloseable {
  /**
   * Keeps the seeds of the places of a step apart from each other and from those of other steps.
   */
  private static final long PLACE_STEP = 0xD1B54A32D192ED03L;

  private final Arena arena = Arena.ofShared();
  private final Tensor allIds;
  private final Tensor allPositions;
  private final @Nullable KvCache cache;
  private final @Nullable StepInputs inputs;

  /** Of several sequences a cache each, and the positions in it before the step. */
  private KvCache @Nullable [] caches;

  private int[] pasts = {};
  private Tensor ids;
  private Tensor positions;
  private @Nullable Tensor allTargets;
  private @Nullable Tensor allStarts;
  private @Nullable Tensor targets;
  private @Nullable Tensor starts;
  private int sequences = 1;
  private int past;

  /** The longest document of the step, 0 = documents are not told apart. */
  private int longest;

  private float dropout;
  private float adapterDropout;
  private long dropoutSeed;
  private @Nullable RouterBalance balance;
  private @Nullable Tensor globalRotations;
  private @Nullable Tensor localRotations;

  private Batch(int maxRows, @Nullable KvCache cache) {
    this(maxRows, cache, 0, null);
  }

  /**
   * @param recordedOn the backend that records steps of one token of each of maxRows sequences;
   *     null = none does
   */
  private Batch(int maxRows, @Nullable KvCache cache, int layers, @Nullable Backend recordedOn) {
    this.allIds = Tensor.allocate(arena, DType.I32, Shape.of(maxRows));
    this.allPositions = Tensor.allocate(arena, DType.I32, Shape.of(maxRows));
    this.ids = allIds;
    this.positions = allPositions;
    this.cache = cache;
    this.inputs =
        recordedOn == null
            ? null
            : new StepInputs(maxRows, layers, cache == null, recordedOn, arena);
  }

  /**
   * For one sequence that grows in a cache, at most {@code maxRows} tokens a step.
   *
   * @throws IllegalArgumentException if the cache is made for smaller steps
   */
  public static Batch continuing(KvCache cache, int maxRows) {
    if (maxRows > cache.stepRows()) {
      throw new IllegalArgumentException(
          "steps of " + maxRows + " positions in a cache for steps of " + cache.stepRows());
    }
    return new Batch(maxRows, cache);
  }

  /** As {@link #continuing}, for steps of one token that the backend records. */
  static Batch recorded(KvCache cache, Backend backend) {
    return new Batch(1, cache, cache.layers(), backend);
  }

  /** As {@link #sideBySide}, for steps of just so many sequences that the backend records. */
  static Batch recorded(int sequences, int layers, Backend backend) {
    return new Batch(sequences, null, layers, backend);
  }

  /** For whole sequences without a cache, at most {@code maxRows} tokens a step. */
  public static Batch whole(int maxRows) {
    return new Batch(maxRows, null);
  }

  /**
   * For sequences that each grow in a cache of their own, one token a step; see {@link
   * #fill(KvCache[], int[])}.
   */
  public static Batch sideBySide(int maxSequences) {
    return new Batch(maxSequences, null);
  }

  /**
   * The next step's tokens: {@code tokens[s]} continues the sequence in {@code sequences[s]}.
   *
   * @param sequences at least one cache; all have the same capacity
   * @throws IllegalArgumentException if a cache is full, or there are more than fit the batch
   */
  public Batch fill(KvCache[] sequences, int[] tokens) {
    fill(tokens, 0, sequences.length, sequences.length);
    if (pasts.length != sequences.length) {
      pasts = new int[sequences.length];
    }
    for (int s = 0; s < sequences.length; s++) {
      KvCache own = sequences[s];
      if (own.length() == own.capacity() || own.capacity() != sequences[0].capacity()) {
        throw new IllegalArgumentException(
            "sequence %d has %d of %d positions, the first one %d"
                .formatted(s, own.length(), own.capacity(), sequences[0].capacity()));
      }
      pasts[s] = own.length();
      positions.segment().setAtIndex(ValueLayout.JAVA_INT, s, own.length());
    }
    this.caches = sequences;
    if (inputs != null) {
      inputs.put(tokens, 0, sequences);
    }
    return this;
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
    begin(count, sequences);
    int length = count / sequences;
    for (int row = 0; row < count; row++) {
      ids.segment().setAtIndex(ValueLayout.JAVA_INT, row, tokens[from + row]);
      positions.segment().setAtIndex(ValueLayout.JAVA_INT, row, past + row % length);
    }
    if (inputs != null && cache != null) {
      inputs.put(tokens, from, cache);
    }
    return this;
  }

  /**
   * The next step's token is the one that the step before chose, on the device.
   *
   * @throws IllegalArgumentException if the cache is full
   */
  Batch fillChosen() {
    if (inputs == null || cache == null) {
      throw new IllegalStateException("no device knows the token of the step before");
    }
    begin(1, 1);
    inputs.putBehindTokens(cache);
    return this;
  }

  private void begin(int count, int sequences) {
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
    this.caches = null;
    this.targets = null;
    this.starts = null;
    this.longest = 0;
    this.dropout = 0;
    this.adapterDropout = 0;
    this.balance = null;
    this.sequences = sequences;
    this.past = cache == null ? 0 : cache.length();
  }

  /** What each row of the last {@link #fill} is to predict, -1 = nothing, from {@code from} on. */
  public Batch targets(int[] tokens, int from) {
    if (allTargets == null) {
      allTargets = Tensor.allocate(arena, DType.I32, allIds.shape());
    }
    targets = put(allTargets, tokens, from);
    return this;
  }

  /**
   * For several documents in a sequence that do not see each other: for each row of the last {@link
   * #fill} the place in its sequence where its document begins. Positions count from there.
   *
   * @throws IllegalArgumentException if a place is behind its row, or the batch continues a cache
   */
  public Batch documents(int[] places, int from) {
    int length = ids.dim(0) / sequences;
    if (cache != null) {
      throw new IllegalArgumentException("documents are told apart in whole sequences only");
    }
    for (int row = 0; row < ids.dim(0); row++) {
      int place = places[from + row];
      if (place < 0 || place > row % length) {
        throw new IllegalArgumentException(
            "row " + row % length + " of a sequence: its document cannot begin at " + place);
      }
      positions.segment().setAtIndex(ValueLayout.JAVA_INT, row, row % length - place);
      longest = Math.max(longest, row % length - place + 1);
    }
    if (allStarts == null) {
      allStarts = Tensor.allocate(arena, DType.I32, allIds.shape());
    }
    starts = put(allStarts, places, from);
    return this;
  }

  private Tensor put(Tensor all, int[] values, int from) {
    int count = ids.dim(0);
    MemorySegment.copy(values, from, all.segment(), ValueLayout.JAVA_INT, 0, count);
    return all.dim(0) == count ? all : all.slice(0, count);
  }

  /**
   * Turns dropout on for the step of the last {@link #fill}: of the embedding, the attention
   * weights and what sublayers add to the residual stream (Radford et al. 2018, section 4.1).
   *
   * @param probability of an element to be dropped; 0 = off
   * @param seed of this step, different from that of any other
   */
  public Batch dropout(float probability, long seed) {
    this.dropout = probability;
    this.dropoutSeed = seed;
    return this;
  }

  /**
   * Turns dropout on, for the step of the last {@link #fill}, of what adapters see of the inputs of
   * their layers.
   *
   * @param probability of an element to be dropped; 0 = off
   * @param seed of this step, different from that of any other
   */
  public Batch adapterDropout(float probability, long seed) {
    this.adapterDropout = probability;
    this.dropoutSeed = seed;
    return this;
  }

  /** The dropout of one place where an adapter sees an input, null if it is off. */
  @Nullable Dropout adapterDropout(int place) {
    return dropout(adapterDropout, place);
  }

  /**
   * The dropout of one place of the model, null if it is off.
   *
   * @param place a number of its own for each
   */
  @Nullable Dropout dropout(int place) {
    return dropout(dropout, place);
  }

  private @Nullable Dropout dropout(float probability, int place) {
    return probability == 0 ? null : new Dropout(probability, dropoutSeed + place * PLACE_STEP);
  }

  /** x with the dropout of a place. */
  Tensor drop(Exec exec, Tensor x, int place) {
    Dropout here = dropout(place);
    return here == null ? x : exec.dropout(x, here);
  }

  boolean hasTargets() {
    return targets != null;
  }

  /** I32 [N]. */
  Tensor targets() {
    if (targets == null) {
      throw new IllegalStateException("the batch was filled without targets");
    }
    return targets;
  }

  /** I32 [N], null if documents see those before them. */
  @Nullable Tensor starts() {
    return starts;
  }

  void balance(@Nullable RouterBalance sums) {
    this.balance = sums;
  }

  /** What the routers of the step did; null without experts or targets. */
  @Nullable RouterBalance balance() {
    return balance;
  }

  /** I32 [N]. */
  Tensor ids() {
    return inputs == null ? ids : inputs.tokens();
  }

  /** I32 [N]. */
  Tensor positions() {
    return inputs == null ? positions : inputs.positions();
  }

  @Nullable KvCache cache() {
    return cache;
  }

  /** A cache for each sequence; null where there is one for all, or none. */
  KvCache @Nullable [] caches() {
    return caches;
  }

  /** Positions before this step in each of {@link #caches}. */
  int[] pasts() {
    return pasts;
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
   * the longest text of the step.
   */
  int context() {
    if (caches != null) {
      return caches[0].capacity();
    }
    if (cache != null) {
      return cache.capacity();
    }
    return longest > 0 ? longest : ids.dim(0) / sequences;
  }

  /** What recorded steps read; null in all others. */
  @Nullable StepInputs inputs() {
    return inputs;
  }

  /**
   * Where the row of a layer's cache that this step writes stands for the device, in steps that are
   * recorded; null in all others.
   */
  @Nullable Tensor rowOf(int layer) {
    return inputs == null ? null : inputs.rows(layer);
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
    if (inputs != null) {
      inputs.close();
    }
    arena.close();
  }
}
