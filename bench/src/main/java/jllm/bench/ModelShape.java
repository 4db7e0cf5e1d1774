package jllm.bench;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;

/**
 * The dimensions of a Llama-like model for measuring: speed depends on them, not on what the
 * weights say.
 *
 * @param hidden components of the feed-forward layer
 */
public record ModelShape(
    int layers,
    int width,
    int hidden,
    int heads,
    int kvHeads,
    int vocabulary,
    int context,
    boolean tied) {

  /** Shapes by name, after their size: those of well-known models of that size. */
  private static final Map<String, ModelShape> NAMED = new LinkedHashMap<>();

  static {
    NAMED.put("15m", new ModelShape(6, 288, 768, 6, 6, 32000, 1024, true));
    NAMED.put("135m", new ModelShape(30, 576, 1536, 9, 3, 49152, 2048, true));
    NAMED.put("1b", new ModelShape(16, 2048, 8192, 32, 8, 128256, 8192, true)); // Llama 3.2
    NAMED.put("1.1b", new ModelShape(16, 2048, 8192, 32, 8, 32000, 2048, false));
    NAMED.put("3b", new ModelShape(28, 3072, 8192, 24, 8, 32000, 4096, true));
    NAMED.put("8b", new ModelShape(32, 4096, 14336, 32, 8, 128256, 8192, false));
  }

  /**
   * A shape by its name.
   *
   * @throws IllegalArgumentException if there is none; the message lists them
   */
  public static ModelShape named(String name) {
    ModelShape shape = NAMED.get(name.toLowerCase(Locale.ROOT));
    if (shape == null) {
      throw new IllegalArgumentException(
          "unknown model shape '" + name + "'; known: " + String.join(", ", NAMED.keySet()));
    }
    return shape;
  }

  /** The names of all shapes, smallest first. */
  public static Iterable<String> names() {
    return NAMED.keySet();
  }

  /** A Llama of these dimensions. */
  public ModelConfig config() {
    int headDim = width / heads;
    return new ModelConfig(
        "llama",
        vocabulary,
        context,
        width,
        layers,
        new AttentionConfig(
            heads,
            kvHeads,
            headDim,
            (float) (1 / Math.sqrt(headDim)),
            0,
            0,
            1,
            false,
            false,
            false),
        new FeedForwardConfig(hidden, Activation.SILU, true, false, 0, null),
        new NormConfig(NormConfig.Kind.RMS, 1e-5f, false, NormConfig.Placement.PRE),
        new PositionConfig.Rope(
            10_000, 10_000, headDim, RopePairing.INTERLEAVED, new RopeScaling.None()),
        ModelConfig.Multipliers.NONE,
        false,
        tied);
  }
}
