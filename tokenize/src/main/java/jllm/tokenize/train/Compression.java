package jllm.tokenize.train;

/**
 * How well a tokenizer compresses a text.
 *
 * @param tokenizer its name
 * @param vocabulary tokens that it has
 * @param bytes of the text in UTF-8
 * @param tokens that the text becomes, no special ones among them
 */
public record Compression(String tokenizer, int vocabulary, long bytes, long tokens) {

  /** The more, the better; 0 for no text. */
  public double bytesPerToken() {
    return tokens == 0 ? 0 : (double) bytes / tokens;
  }
}
