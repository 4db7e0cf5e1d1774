package jllm.tokenize.train;

import java.util.List;

/**
 * How a vocabulary is learned. The names and meanings are those of Hugging Face's trainer where it
 * has them.
 *
 * @param vocabSize tokens in all: special tokens, 256 bytes and merges
 * @param pattern what cuts a text into words: {@code gpt2}, {@code cl100k}, {@code o200k}, {@code
 *     llama3}, {@code qwen2}, {@code tekken}, {@code none} (a document is a word), or a regular
 *     expression
 * @param specialTokens get the first ids; the text of the corpus is not searched for them
 * @param minFrequency pairs that occur less often are not merged
 * @param maxTokenLength merges stay below so many bytes (two bytes may always be merged), 0: no
 *     limit
 * @param limitAlphabet the most characters of the alphabet, 0: no limit. A byte-level alphabet is
 *     all 256 bytes, without which not every text could be encoded: below that it is refused, above
 *     it there is nothing to limit.
 * @param docCap the characters of a document that count, 0: all
 * @param maxBytes where the reading of the corpus ends, 0: at its end
 * @param maxWords the most distinct words that are kept, checked each {@link
 *     WordCounter#EPOCH_BYTES} of text: above it the rarest are dropped, all of one count together,
 *     until at most half are left
 * @param threads that count words
 */
public record TrainOptions(
    int vocabSize,
    String pattern,
    List<String> specialTokens,
    long minFrequency,
    int maxTokenLength,
    int limitAlphabet,
    int docCap,
    long maxBytes,
    int maxWords,
    int threads) {

  /** The usual cap on distinct words: about 3 GB of memory while merges are learned. */
  public static final int MAX_WORDS = 10_000_000;

  public TrainOptions {
    specialTokens = List.copyOf(specialTokens);
    int special = (int) specialTokens.stream().distinct().count();
    require(!specialTokens.contains(""), "a special token is empty; give it a text");
    require(
        limitAlphabet == 0 || limitAlphabet >= 256,
        "an alphabet limited to "
            + limitAlphabet
            + " characters; a byte-level vocabulary always has all 256 bytes: leave the limit away");
    require(
        vocabSize >= 256 + special,
        "a vocabulary of "
            + vocabSize
            + " tokens; expected at least "
            + (256 + special)
            + ": 256 bytes and "
            + special
            + " special tokens");
    require(minFrequency >= 0, "a minimum frequency of " + minFrequency + "; expected 0 or more");
    require(
        maxTokenLength >= 0, "a token length of " + maxTokenLength + "; expected 0 (any) or more");
    require(docCap >= 0, "a document cap of " + docCap + "; expected 0 (none) or more");
    require(maxBytes >= 0, "a limit of " + maxBytes + " bytes; expected 0 (none) or more");
    require(maxWords >= 1000, "a cap of " + maxWords + " distinct words; expected 1000 or more");
    require(threads >= 1, threads + " threads; expected at least 1");
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /** GPT-2's pattern, no special tokens and no limits, on all cores. */
  public static TrainOptions of(int vocabSize) {
    return new TrainOptions(
        vocabSize,
        "gpt2",
        List.of(),
        0,
        0,
        0,
        0,
        0,
        MAX_WORDS,
        Runtime.getRuntime().availableProcessors());
  }

  public TrainOptions withPattern(String value) {
    return new TrainOptions(
        vocabSize,
        value,
        specialTokens,
        minFrequency,
        maxTokenLength,
        limitAlphabet,
        docCap,
        maxBytes,
        maxWords,
        threads);
  }

  public TrainOptions withSpecialTokens(List<String> value) {
    return new TrainOptions(
        vocabSize,
        pattern,
        value,
        minFrequency,
        maxTokenLength,
        limitAlphabet,
        docCap,
        maxBytes,
        maxWords,
        threads);
  }

  public TrainOptions withMinFrequency(long value) {
    return new TrainOptions(
        vocabSize,
        pattern,
        specialTokens,
        value,
        maxTokenLength,
        limitAlphabet,
        docCap,
        maxBytes,
        maxWords,
        threads);
  }

  public TrainOptions withMaxTokenLength(int value) {
    return new TrainOptions(
        vocabSize,
        pattern,
        specialTokens,
        minFrequency,
        value,
        limitAlphabet,
        docCap,
        maxBytes,
        maxWords,
        threads);
  }

  /**
   * @param cap the characters of a document that count, 0: all
   * @param bytes where the reading ends, 0: at the end of the corpus
   * @param words the most distinct words that are kept
   */
  public TrainOptions withLimits(int cap, long bytes, int words) {
    return new TrainOptions(
        vocabSize,
        pattern,
        specialTokens,
        minFrequency,
        maxTokenLength,
        limitAlphabet,
        cap,
        bytes,
        words,
        threads);
  }

  public TrainOptions withThreads(int value) {
    return new TrainOptions(
        vocabSize,
        pattern,
        specialTokens,
        minFrequency,
        maxTokenLength,
        limitAlphabet,
        docCap,
        maxBytes,
        maxWords,
        value);
  }
}
