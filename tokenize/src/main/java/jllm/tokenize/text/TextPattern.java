package jllm.tokenize.text;

/** What a component looks for in a text. Immutable and thread-safe. */
public sealed interface TextPattern permits LiteralPattern, RegexPattern {

  /**
   * Finds all matches that do not overlap, from left to right.
   *
   * @param workspace whose text is searched
   * @param start of the range to look at, which is a text of its own
   * @param end of that range
   * @param matches takes the matches; may not be cleared
   */
  void find(Workspace workspace, int start, int end, Ranges matches);

  /** Replaces all matches in a string. */
  String replaceAll(String text, String replacement);

  /** The pattern as files spell it. */
  String source();
}
