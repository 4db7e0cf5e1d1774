package jllm.format.llama2c;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The seven numbers before the weights of a version 0 checkpoint. The format has no magic number:
 * numbers that could describe a model are the only sign of it.
 *
 * @param dim C
 * @param hiddenDim F
 * @param kvHeads K
 * @param vocabSize V
 * @param sharedClassifier whether the output layer is the token embedding (a negative V says not)
 * @param seqLen positions
 */
public record Llama2cHeader(
    int dim,
    int hiddenDim,
    int layers,
    int heads,
    int kvHeads,
    int vocabSize,
    boolean sharedClassifier,
    int seqLen) {
  static final int BYTES = 7 * 4;

  private static final int MAX_SIZE = 1 << 24;
  private static final int MAX_LAYERS = 1 << 12;

  /** Reads a header; absent if the numbers cannot be one. */
  public static @Nullable Llama2cHeader parse(ByteBuffer start) {
    if (start.remaining() < BYTES) {
      return null;
    }
    ByteBuffer in = start.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    int dim = in.getInt();
    int hiddenDim = in.getInt();
    int layers = in.getInt();
    int heads = in.getInt();
    int kvHeads = in.getInt();
    int vocab = in.getInt();
    int seqLen = in.getInt();
    boolean plausible =
        isSize(dim)
            && isSize(hiddenDim)
            && isSize(layers)
            && layers <= MAX_LAYERS
            && isSize(heads)
            && isSize(kvHeads)
            && (isSize(vocab) || isSize(-vocab))
            && isSize(seqLen)
            && dim % (2 * heads) == 0
            && heads % kvHeads == 0;
    return plausible
        ? new Llama2cHeader(
            dim, hiddenDim, layers, heads, kvHeads, Math.abs(vocab), vocab > 0, seqLen)
        : null;
  }

  private static boolean isSize(int value) {
    return value > 0 && value <= MAX_SIZE;
  }

  public int headDim() {
    return dim / heads;
  }

  /** The width of all keys together. */
  public int kvDim() {
    return kvHeads * headDim();
  }

  /** Elements of the two tables of rotations that stand before an unshared classifier. */
  long tableElements() {
    return (long) seqLen * headDim();
  }

  /** The numbers by name, for people. */
  public Map<String, Object> numbers() {
    Map<String, Object> numbers = new LinkedHashMap<>();
    numbers.put("dim", (long) dim);
    numbers.put("hidden_dim", (long) hiddenDim);
    numbers.put("n_layers", (long) layers);
    numbers.put("n_heads", (long) heads);
    numbers.put("n_kv_heads", (long) kvHeads);
    numbers.put("vocab_size", (long) vocabSize);
    numbers.put("seq_len", (long) seqLen);
    numbers.put("shared_classifier", sharedClassifier);
    return numbers;
  }
}
