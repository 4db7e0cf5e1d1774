package jllm.tokenize.model;

/** Says which neighbours may be merged, and how urgent that is. Immutable and thread-safe. */
interface MergeRule {

  /** No merge. */
  long NONE = Long.MAX_VALUE;

  /**
   * Looks two neighbouring symbols up.
   *
   * @param text that the symbols come from
   * @param start of the left symbol
   * @param end of the right symbol
   * @param left id of the left symbol
   * @param right id of the right symbol
   * @return rank in the upper half (smaller is merged first), id of the result in the lower; or
   *     {@link #NONE}
   */
  long find(byte[] text, int start, int end, int left, int right);
}
