package jllm.tokenize.split;

import java.util.Map;
import jllm.tokenize.text.RegexPattern;
import org.jspecify.annotations.Nullable;

/** The split patterns that have a name or a scanner. */
public final class Patterns {

  private static final Map<String, Splitter> SCANNERS =
      Map.of(
          Gpt2Splitter.PATTERN,
          new Gpt2Splitter(),
          // Without the last alternative what it would match is left over as a piece all the same.
          Gpt2Splitter.PATTERN.substring(0, Gpt2Splitter.PATTERN.lastIndexOf('|')),
          new Gpt2Splitter(),
          Cl100kSplitter.PATTERN,
          new Cl100kSplitter(3),
          Cl100kSplitter.QWEN2,
          new Cl100kSplitter(1),
          O200kSplitter.PATTERN,
          new O200kSplitter(3, true),
          O200kSplitter.TEKKEN,
          new O200kSplitter(1, false));

  private Patterns() {}

  /** The expression that a name stands for, or null: gpt2, cl100k, o200k, llama3, qwen2, tekken. */
  public static @Nullable String named(String name) {
    return switch (name) {
      case "gpt2", "r50k", "p50k" -> Gpt2Splitter.PATTERN;
      case "cl100k", "llama3" -> Cl100kSplitter.PATTERN;
      case "o200k" -> O200kSplitter.PATTERN;
      case "qwen2" -> Cl100kSplitter.QWEN2;
      case "tekken" -> O200kSplitter.TEKKEN;
      default -> null;
    };
  }

  /** The scanner that cuts exactly as an expression does, or null if there is none. */
  public static @Nullable Splitter scanner(String expression) {
    return SCANNERS.get(expression);
  }

  /**
   * A pre-tokenizer that makes each match of an expression a piece, and what lies between matches
   * too: by its scanner if it has one, else by the regular expression engine.
   *
   * @throws IllegalArgumentException if the expression is malformed
   */
  public static PreTokenizer isolated(String expression) {
    Splitter scanner = scanner(expression);
    return scanner != null
        ? new SplitterPreTokenizer(scanner)
        : new SplitPreTokenizer(new RegexPattern(expression), SplitBehavior.ISOLATED, false);
  }
}
