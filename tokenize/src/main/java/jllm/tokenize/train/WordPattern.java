package jllm.tokenize.train;

import jllm.tokenize.corpus.CutRule;
import jllm.tokenize.split.Patterns;
import jllm.tokenize.split.PreTokenizer;
import org.jspecify.annotations.Nullable;

/**
 * What cuts a text into words.
 *
 * @param expression as {@code tokenizer.json} has it, or null: a document is a word
 * @param words or null
 * @param cuts where a long text may be cut
 */
record WordPattern(@Nullable String expression, @Nullable PreTokenizer words, CutRule cuts) {

  /**
   * @param pattern a name, {@code none} or a regular expression
   * @throws PatternException if it is no regular expression
   */
  static WordPattern of(String pattern) {
    if (pattern.equals("none")) {
      return new WordPattern(null, null, CutRule.NEVER);
    }
    String named = Patterns.named(pattern);
    String expression = named == null ? pattern : named;
    // What a scanner does is known; what any other expression looks at is not.
    CutRule cuts = Patterns.scanner(expression) == null ? CutRule.NEVER : CutRule.WORDS;
    try {
      return new WordPattern(expression, Patterns.isolated(expression), cuts);
    } catch (IllegalArgumentException e) {
      throw new PatternException(String.valueOf(e.getMessage()), e);
    }
  }
}
