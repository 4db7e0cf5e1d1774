package jllm.tokenize.decode;

import jllm.tokenize.split.Metaspace;

/**
 * The visible character becomes a space again.
 *
 * @see Metaspace
 */
public final class MetaspaceDecoder extends TokenDecoder {

  private final String replacement;
  private final Metaspace.Scheme scheme;
  private final boolean split;

  /**
   * @param scheme if it puts spaces before texts, those of the first token are taken away
   * @param split means nothing here, but stands in files
   */
  public MetaspaceDecoder(int replacement, Metaspace.Scheme scheme, boolean split) {
    this.replacement = Character.toString(replacement);
    this.scheme = scheme;
    this.split = split;
  }

  public int replacement() {
    return replacement.codePointAt(0);
  }

  public Metaspace.Scheme scheme() {
    return scheme;
  }

  public boolean split() {
    return split;
  }

  @Override
  String decode(String token, boolean first) {
    boolean drop = first && scheme != Metaspace.Scheme.NEVER;
    return token.replace(replacement, drop ? "" : " ");
  }
}
