package jllm.generate;

import java.util.Arrays;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Tokenizer;

/** Turns a prompt into the tokens that a model goes on with. */
public final class PromptEncoder {
  private final Tokenizer tokenizer;
  private final boolean parseSpecial;

  /**
   * @param parseSpecial whether the name of a special token in the text means that token
   */
  public PromptEncoder(Tokenizer tokenizer, boolean parseSpecial) {
    this.tokenizer = tokenizer;
    this.parseSpecial = parseSpecial;
  }

  /**
   * The tokens of a text, with BOS where the tokenizer puts it. An EOS that the tokenizer would put
   * behind a text is left out: the text goes on. An empty text is BOS alone.
   *
   * @return at least one token
   * @throws IllegalArgumentException if the text is empty and the tokenizer has no BOS
   */
  public int[] encode(String text) {
    int bos = tokenizer.special().bos();
    if (text.isEmpty()) {
      if (bos < 0) {
        throw new IllegalArgumentException(
            "the prompt is empty, and this model has no token that begins a text; give at least one"
                + " character");
      }
      return new int[] {bos};
    }
    int[] plain = tokenizer.encode(text, new EncodeOptions(false, parseSpecial));
    int[] whole = tokenizer.encode(text, new EncodeOptions(true, parseSpecial));
    boolean endAdded =
        whole.length > plain.length
            && whole[whole.length - 1] == tokenizer.special().eos()
            && (plain.length == 0 || plain[plain.length - 1] != tokenizer.special().eos());
    int[] tokens = endAdded ? Arrays.copyOf(whole, whole.length - 1) : whole;
    if (tokens.length == 0) {
      throw new IllegalArgumentException(
          "nothing is left of the prompt: this model's tokenizer drops all of its characters");
    }
    return tokens;
  }
}
