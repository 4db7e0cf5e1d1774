package jllm.tokenize.shard;

import java.nio.charset.StandardCharsets;
import java.util.List;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.CutRule;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.Cl100kSplitter;
import jllm.tokenize.split.DeepSeekSplitter;
import jllm.tokenize.split.Gpt2Splitter;
import jllm.tokenize.split.O200kSplitter;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.split.SplitterPreTokenizer;

/**
 * Where a tokenizer lets a text be cut, its parts giving the tokens of the whole: at the end of
 * words if it cuts texts by a pattern that is known and does nothing else with them. A document of
 * any other tokenizer is encoded whole.
 */
final class TokenizerCuts {
  private TokenizerCuts() {}

  static CutRule of(Tokenizer tokenizer) {
    Pipeline pipeline = tokenizer.pipeline();
    if (pipeline.normalizer() != null
        || pipeline.preTokenizer() == null
        || effect(pipeline.preTokenizer()) != Effect.CUTS) {
      return CutRule.NEVER;
    }
    for (CutRule rule : List.of(CutRule.WORDS, CutRule.SPACES)) {
      if (pipeline.added().stream().allMatch(token -> staysWhole(token, rule))) {
        return rule;
      }
    }
    return CutRule.NEVER;
  }

  private enum Effect {
    /** It cuts wherever the rule does, and what it does elsewhere does not depend on that. */
    CUTS,
    /** It leaves pieces as they are but for their spelling. */
    KEEPS,
    UNKNOWN
  }

  private static Effect effect(PreTokenizer preTokenizer) {
    return switch (preTokenizer) {
      case SplitterPreTokenizer(Gpt2Splitter s) -> Effect.CUTS;
      case SplitterPreTokenizer(Cl100kSplitter s) -> Effect.CUTS;
      case SplitterPreTokenizer(O200kSplitter s) -> Effect.CUTS;
      case SplitterPreTokenizer(DeepSeekSplitter s) -> Effect.CUTS;
      case ByteLevel b when b.addPrefixSpace() -> Effect.UNKNOWN;
      case ByteLevel b -> b.useRegex() ? Effect.CUTS : Effect.KEEPS;
      case PreTokenizerSequence(List<PreTokenizer> all) -> {
        List<Effect> effects = all.stream().map(TokenizerCuts::effect).toList();
        yield effects.contains(Effect.UNKNOWN)
            ? Effect.UNKNOWN
            : effects.contains(Effect.CUTS) ? Effect.CUTS : Effect.KEEPS;
      }
      default -> Effect.UNKNOWN;
    };
  }

  /** Whether no cut falls into the token's text, and the token does not look around itself. */
  private static boolean staysWhole(AddedToken token, CutRule rule) {
    byte[] text = token.content().getBytes(StandardCharsets.UTF_8);
    return !token.singleWord()
        && !token.lstrip()
        && !token.rstrip()
        && rule.last(text, 0, text.length) < 0;
  }
}
