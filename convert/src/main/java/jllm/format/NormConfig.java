package jllm.format;

/**
 * The norms of a model.
 *
 * @param eps added to the variance or mean square
 * @param bias whether layer norms have a bias; RMS norms have none
 * @param placement where in a block they stand
 */
public record NormConfig(Kind kind, float eps, boolean bias, Placement placement) {
  public enum Kind {
    RMS,
    LAYER
  }

  public enum Placement {
    /** Before each sublayer: {@code x + f(norm(x))}. */
    PRE,
    /** After each sublayer, inside the residual: {@code x + norm(f(x))} (OLMo 2). */
    POST,
    /** Both: {@code x + norm(f(norm(x)))} (Gemma 2). */
    BOTH;

    public boolean before() {
      return this != POST;
    }

    public boolean after() {
      return this != PRE;
    }
  }
}
