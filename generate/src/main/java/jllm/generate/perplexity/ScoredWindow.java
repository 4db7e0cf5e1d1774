package jllm.generate.perplexity;

import java.util.ArrayList;
import java.util.List;

/**
 * A part of a text that the model sees at once, and the tokens in it that count.
 *
 * @param begin the first token that the model sees
 * @param firstScored the first token whose probability counts, after {@code begin}
 * @param end one past the last token of both
 * @param bosFirst whether BOS takes the place of the first token, where the tokenizer adds one
 */
public record ScoredWindow(int begin, int firstScored, int end, boolean bosFirst) {
  /** With fewer the second half of a chunk predicts nothing. */
  static final int LEAST_CHUNK = 3;

  /** One to see, and one to predict. */
  static final int LEAST_STRIDED = 2;

  public ScoredWindow {
    if (begin < 0 || firstScored <= begin || end <= firstScored) {
      throw new IllegalArgumentException(begin + ", " + firstScored + ", " + end);
    }
  }

  /** Tokens whose probability counts. */
  public int scored() {
    return end - firstScored;
  }

  /** Tokens that the model sees; the last one is only predicted. */
  public int seen() {
    return end - begin - 1;
  }

  /**
   * Chunks that do not overlap, as llama.cpp's perplexity tool takes them: BOS in the place of the
   * first token of each, the tokens of its second half count, those of a last part that is no whole
   * chunk do not.
   *
   * @param length tokens of the text
   * @param context tokens of a chunk
   * @throws EvaluationException if the text has no whole chunk, or a chunk too few tokens
   */
  public static List<ScoredWindow> chunks(int length, int context) {
    require(length, context, LEAST_CHUNK, context);
    List<ScoredWindow> windows = new ArrayList<>();
    for (int begin = 0; begin <= length - context; begin += context) {
      windows.add(new ScoredWindow(begin, begin + context / 2 + 1, begin + context, true));
    }
    return windows;
  }

  /**
   * Windows that overlap, as the documentation of Hugging Face's transformers takes them
   * ("Perplexity of fixed-length models"): each begins {@code stride} tokens after the last, and
   * the tokens count that were not in it. So each token counts once, with at least {@code context -
   * stride} tokens before it, except near the beginning of the text. The first token of the text
   * cannot be predicted; with a stride of the whole context that holds for the first of each
   * window.
   *
   * @param length tokens of the text
   * @param context the most tokens of a window
   * @param stride 1 to {@code context}
   * @throws EvaluationException if there is nothing to predict
   */
  public static List<ScoredWindow> strided(int length, int context, int stride) {
    require(length, context, LEAST_STRIDED, LEAST_STRIDED);
    if (stride < 1 || stride > context) {
      throw new EvaluationException(
          "the stride is " + stride + ", expected 1 to " + context + ", the context");
    }
    List<ScoredWindow> windows = new ArrayList<>();
    int counted = 0;
    for (long begin = 0; counted < length; begin += stride) {
      int from = (int) begin;
      int end = (int) Math.min(begin + context, length);
      int first = Math.max(counted, from + 1);
      if (first < end) {
        windows.add(new ScoredWindow(from, first, end, false));
      }
      counted = end;
    }
    return windows;
  }

  private static void require(int length, int context, int leastContext, int leastLength) {
    if (context < leastContext) {
      throw new EvaluationException(
          "the context is " + context + " tokens, expected " + leastContext + " or more");
    }
    if (length < leastLength) {
      throw new EvaluationException(
          "the text has "
              + length
              + " tokens, expected "
              + leastLength
              + " or more; take a longer text or a smaller context");
    }
  }
}
