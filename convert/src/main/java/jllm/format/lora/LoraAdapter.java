package jllm.format.lora;

import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Changes of linear weights of a model, by the weights' names. They fit the model that the adapter
 * was opened for, down to the order of its rows.
 */
public final class LoraAdapter implements AutoCloseable {
  private final String file;
  private final LoraOrigin origin;
  private final Map<String, LoraPair> pairs;
  private final @Nullable Arena arena;

  /**
   * @param file where it is from, for messages
   * @param pairs by names such as {@code blk.0.attn_q.weight}
   * @param arena of their tensors, closed with this; absent if they are another's
   */
  public LoraAdapter(
      String file, LoraOrigin origin, Map<String, LoraPair> pairs, @Nullable Arena arena) {
    this.file = file;
    this.origin = origin;
    this.pairs = Collections.unmodifiableMap(new LinkedHashMap<>(pairs));
    this.arena = arena;
  }

  public String file() {
    return file;
  }

  public LoraOrigin origin() {
    return origin;
  }

  /** By names such as {@code blk.0.attn_q.weight}, in the order of the model. */
  public Map<String, LoraPair> pairs() {
    return pairs;
  }

  /** Numbers that were trained. */
  public long parameters() {
    return pairs.values().stream()
        .mapToLong(pair -> pair.a().shape().elements() + pair.b().shape().elements())
        .sum();
  }

  @Override
  public void close() {
    if (arena != null) {
      arena.close();
    }
  }
}
