package jllm.tokenize.train;

/**
 * Rare words that were dropped to bound the memory; all zero if none was.
 *
 * @param words how many distinct words, counted each time they were dropped
 * @param occurrences how often they had occurred
 * @param threshold the highest count of a word that was dropped
 */
public record DroppedWords(long words, long occurrences, long threshold) {

  /** No word was dropped. */
  public static final DroppedWords NONE = new DroppedWords(0, 0, 0);
}
