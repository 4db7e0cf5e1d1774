package jllm.format;

/**
 * The architecture of a decoder-only transformer, as data: one {@code Transformer} is driven by it.
 * Adding a model family means a new row that fills these fields, not a class.
 *
 * @param architecture the family's name in GGUF ({@code general.architecture}), such as {@code
 *     llama}
 * @param vocabularySize V, rows of the token embedding
 * @param contextLength positions that the model was made for
 * @param width C, components of the residual stream
 * @param layers blocks
 * @param parallelResidual attention and feed-forward read the same residual and are added together
 *     (GPT-NeoX)
 * @param tiedOutput the output layer is the token embedding
 */
public record ModelConfig(
    String architecture,
    int vocabularySize,
    int contextLength,
    int width,
    int layers,
    AttentionConfig attention,
    FeedForwardConfig feedForward,
    NormConfig norm,
    PositionConfig position,
    Multipliers multipliers,
    boolean parallelResidual,
    boolean tiedOutput) {

  /**
   * Constant factors and caps.
   *
   * @param embedding on the token embedding (Gemma: sqrt(width))
   * @param residual on what each sublayer adds (Granite)
   * @param logits on the logits, before the cap
   * @param finalSoftCap logits become {@code cap * tanh(logits / cap)} (Gemma 2); 0 = off
   */
  public record Multipliers(float embedding, float residual, float logits, float finalSoftCap) {
    public static final Multipliers NONE = new Multipliers(1, 1, 1, 0);
  }
}
