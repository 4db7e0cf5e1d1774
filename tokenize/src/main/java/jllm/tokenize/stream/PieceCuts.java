package jllm.tokenize.stream;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.split.BertPreTokenizer;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.CharDelimiterSplit;
import jllm.tokenize.split.Cl100kSplitter;
import jllm.tokenize.split.DeepSeekSplitter;
import jllm.tokenize.split.Digits;
import jllm.tokenize.split.Gpt2Splitter;
import jllm.tokenize.split.Metaspace;
import jllm.tokenize.split.O200kSplitter;
import jllm.tokenize.split.Patterns;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.split.Punctuation;
import jllm.tokenize.split.Splitter;
import jllm.tokenize.split.SplitterPreTokenizer;
import jllm.tokenize.split.Whitespace;
import jllm.tokenize.split.WhitespaceSplit;
import org.jspecify.annotations.Nullable;

/** Where a pre-tokenizer is known to cut, whatever stands around. */
enum PieceCuts {
  /** Nowhere: there is none. */
  NONE,
  /** Nowhere, but spaces become visible marks. */
  MARKED,
  /** Before a single space between words. */
  BY_SPACE,
  /** At all places of the rule for the patterns of GPT-2 and its like. */
  BY_PATTERN,
  UNKNOWN;

  /** What one step does. */
  private enum Effect {
    /** Cuts by a known pattern. */
    PATTERN,
    /** Cuts before a single space between words. */
    SPACE,
    /** The same; and no space is left for a later step to see. */
    MARKS_AND_CUTS,
    /** Spaces become marks. */
    MARKS,
    /** Changes nothing across a space: spells bytes. */
    SPELLS,
    /** Cuts elsewhere, by the class of single characters. */
    ELSEWHERE,
    UNKNOWN
  }

  static PieceCuts of(@Nullable PreTokenizer preTokenizer) {
    List<PreTokenizer> steps = new ArrayList<>();
    if (preTokenizer != null) {
      flatten(preTokenizer, steps);
    }
    PieceCuts result = NONE;
    boolean onlyPatterns = true;
    for (PreTokenizer step : Patterns.withScanners(steps)) {
      boolean cut = result == BY_SPACE || result == BY_PATTERN;
      Effect effect = effect(step);
      onlyPatterns &= effect == Effect.PATTERN || effect == Effect.SPELLS;
      switch (effect) {
        case UNKNOWN -> {
          return UNKNOWN;
        }
        case PATTERN, SPACE, MARKS_AND_CUTS -> {
          if (result == MARKED) {
            return UNKNOWN;
          }
          result = BY_SPACE;
        }
        case MARKS -> result = cut ? result : MARKED;
        case SPELLS -> {
          // A space spelled otherwise is none to later steps.
          if (!cut) {
            return UNKNOWN;
          }
        }
        case ELSEWHERE -> {}
      }
    }
    return result == BY_SPACE && onlyPatterns ? BY_PATTERN : result;
  }

  private static void flatten(PreTokenizer preTokenizer, List<PreTokenizer> into) {
    if (preTokenizer instanceof PreTokenizerSequence(List<PreTokenizer> all)) {
      all.forEach(step -> flatten(step, into));
    } else {
      into.add(preTokenizer);
    }
  }

  private static Effect effect(PreTokenizer step) {
    return switch (step) {
      case SplitterPreTokenizer(Splitter s) ->
          s instanceof Gpt2Splitter
                  || s instanceof Cl100kSplitter
                  || s instanceof O200kSplitter
                  || s instanceof DeepSeekSplitter
              ? Effect.PATTERN
              : Effect.UNKNOWN;
      case ByteLevel b when b.useRegex() -> b.addPrefixSpace() ? Effect.SPACE : Effect.PATTERN;
      case ByteLevel _ -> Effect.SPELLS;
      case WhitespaceSplit _, Whitespace _, BertPreTokenizer _ -> Effect.SPACE;
      case CharDelimiterSplit(int delimiter) when delimiter == ' ' -> Effect.SPACE;
      case Metaspace m -> m.split() ? Effect.MARKS_AND_CUTS : Effect.MARKS;
      case Digits _, Punctuation _ -> Effect.ELSEWHERE;
      default -> Effect.UNKNOWN;
    };
  }
}
