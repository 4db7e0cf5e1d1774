package jllm.tokenize;

/**
 * A token that is found in the text itself, before any model sees it.
 *
 * @param id of the token
 * @param content the text that it matches
 * @param singleWord matches only where no word character touches it
 * @param lstrip takes the white space before it along
 * @param rstrip takes the white space after it along
 * @param normalized is looked for in the normalized text, else in the text as it came
 * @param special is matched only on request and is left out of decoded text on request
 */
public record AddedToken(
    int id,
    String content,
    boolean singleWord,
    boolean lstrip,
    boolean rstrip,
    boolean normalized,
    boolean special) {

  /** A special token matched as it is written. */
  public static AddedToken special(int id, String content) {
    return new AddedToken(id, content, false, false, false, false, true);
  }

  /** A token that always matches as it is written and is text otherwise. */
  public static AddedToken text(int id, String content) {
    return new AddedToken(id, content, false, false, false, false, false);
  }
}
