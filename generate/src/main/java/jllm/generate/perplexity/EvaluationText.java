package jllm.generate.perplexity;

import java.util.Arrays;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.Vocabulary;

/** A text as a model sees it: its tokens, and how many bytes of the text each stands for. */
public final class EvaluationText {
  private final int[] tokens;
  private final int[] bytes;
  private final int bos;

  /**
   * @param tokens of the text, with the one that begins it where there is one
   * @param bytes of the text's UTF-8 form that each token covers
   * @param bos the token that the tokenizer puts before a text, -1 = none
   */
  EvaluationText(int[] tokens, int[] bytes, int bos) {
    this.tokens = tokens;
    this.bytes = bytes;
    this.bos = bos;
  }

  /**
   * Encodes a text, with BOS where the tokenizer adds one and without EOS. The names of special
   * tokens in it are text.
   */
  public static EvaluationText of(Tokenizer tokenizer, String text) {
    int[] template = tokenizer.encode("", EncodeOptions.WITH_SPECIAL);
    int bos =
        template.length > 0 && template[0] == tokenizer.special().bos()
            ? tokenizer.special().bos()
            : -1;
    TokenBuffer encoded = tokenizer.encodeWithOffsets(text, EncodeOptions.PLAIN);
    int before = bos >= 0 ? 1 : 0;
    int[] tokens = new int[before + encoded.size()];
    int[] bytes = new int[tokens.length];
    if (bos >= 0) {
      tokens[0] = bos;
    }
    int end = 0;
    for (int i = 0; i < encoded.size(); i++) {
      tokens[before + i] = encoded.id(i);
      // Tokens of one character may all cover it: what is new counts.
      bytes[before + i] = Math.max(0, encoded.end(i) - Math.max(end, encoded.start(i)));
      end = Math.max(end, encoded.end(i));
    }
    return new EvaluationText(tokens, bytes, bos);
  }

  /**
   * Checks that two models can be compared on this text: the same vocabulary, and the same tokens.
   *
   * @throws EvaluationException naming what differs
   */
  static void requireSame(Tokenizer model, Tokenizer base, String text) {
    Vocabulary found = model.vocabulary();
    Vocabulary expected = base.vocabulary();
    if (found.size() != expected.size()) {
      throw new EvaluationException(
          String.format(
              "the models have different tokenizers: %d tokens and %d; predictions can be compared"
                  + " only over the same tokens",
              found.size(), expected.size()));
    }
    for (int id = 0; id < found.size(); id++) {
      String one = found.has(id) ? found.text(id) : "";
      String other = expected.has(id) ? expected.text(id) : "";
      if (!one.equals(other)) {
        throw new EvaluationException(
            String.format(
                "the models have different tokenizers: token %d is '%s' in one and '%s' in the"
                    + " other; predictions can be compared only over the same tokens",
                id, one, other));
      }
    }
    if (!Arrays.equals(of(model, text).tokens, of(base, text).tokens)) {
      throw new EvaluationException(
          "the models have different tokenizers: their tokens are the same, but they split this"
              + " text differently");
    }
  }

  /** Tokens of the text. */
  public int length() {
    return tokens.length;
  }

  /** The tokens that a window shows to the model. */
  int[] tokens(ScoredWindow window) {
    int[] shown = Arrays.copyOfRange(tokens, window.begin(), window.end());
    if (window.bosFirst() && bos >= 0) {
      shown[0] = bos;
    }
    return shown;
  }

  /** Bytes of the tokens from {@code from} to before {@code end}. */
  long bytes(int from, int end) {
    long sum = 0;
    for (int i = from; i < end; i++) {
      sum += bytes[i];
    }
    return sum;
  }
}
