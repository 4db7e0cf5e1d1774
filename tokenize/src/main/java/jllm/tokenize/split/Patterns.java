package jllm.tokenize.split;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.tokenize.text.RegexPattern;
import org.jspecify.annotations.Nullable;

/** The split patterns that have a name or a scanner. */
public final class Patterns {

  /** GPT-2's pattern as some files have it: what the last alternative would match is left over. */
  public static final String GPT2_WITHOUT_LAST =
      Gpt2Splitter.PATTERN.substring(0, Gpt2Splitter.PATTERN.lastIndexOf('|'));

  private static final Map<String, Splitter> SCANNERS =
      Map.of(
          Gpt2Splitter.PATTERN,
          new Gpt2Splitter(),
          GPT2_WITHOUT_LAST,
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
   * too.
   *
   * @throws IllegalArgumentException if the expression is malformed
   */
  public static SplitPreTokenizer split(String expression) {
    return new SplitPreTokenizer(new RegexPattern(expression), SplitBehavior.ISOLATED, false);
  }

  /**
   * The same as {@link #split}, run by the expression's scanner if it has one.
   *
   * @throws IllegalArgumentException if the expression is malformed
   */
  public static PreTokenizer isolated(String expression) {
    Splitter scanner = scanner(expression);
    return scanner != null ? new SplitterPreTokenizer(scanner) : split(expression);
  }

  /** Whether every text is matched from end to end, so that nothing lies between matches. */
  static boolean matchesAll(String expression) {
    return SCANNERS.containsKey(expression) && !expression.equals(GPT2_WITHOUT_LAST);
  }

  /** The same pre-tokenizers, those that a scanner can do replaced by it. */
  public static List<PreTokenizer> withScanners(List<PreTokenizer> steps) {
    List<PreTokenizer> result = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      if (i + 2 < steps.size()
          && isIsolated(steps.get(i), DeepSeekSplitter.NUMBERS)
          && isIsolated(steps.get(i + 1), DeepSeekSplitter.HAN)
          && isIsolated(steps.get(i + 2), DeepSeekSplitter.WORDS)) {
        result.add(new SplitterPreTokenizer(new DeepSeekSplitter()));
        i += 2;
      } else {
        result.add(withScanner(steps.get(i)));
      }
    }
    return result;
  }

  private static PreTokenizer withScanner(PreTokenizer step) {
    if (step instanceof SplitPreTokenizer split && split.pattern() instanceof RegexPattern regex) {
      Splitter scanner = scanner(regex.source());
      boolean pieces =
          split.behavior() == SplitBehavior.ISOLATED
              || split.behavior() == SplitBehavior.REMOVED
                  && split.invert()
                  && matchesAll(regex.source());
      if (scanner != null && pieces) {
        return new SplitterPreTokenizer(scanner);
      }
    }
    return step;
  }

  private static boolean isIsolated(PreTokenizer step, String expression) {
    return step instanceof SplitPreTokenizer split
        && split.pattern() instanceof RegexPattern regex
        && regex.source().equals(expression)
        && split.behavior() == SplitBehavior.ISOLATED;
  }
}
