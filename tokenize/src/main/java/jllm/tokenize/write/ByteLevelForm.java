package jllm.tokenize.write;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.Pipeline;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.RankBpe;
import jllm.tokenize.normalize.ByteLevelNormalizer;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.NormalizerSequence;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.Digits;
import jllm.tokenize.split.Gpt2Splitter;
import jllm.tokenize.split.Patterns;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.split.Punctuation;
import jllm.tokenize.split.SplitBehavior;
import jllm.tokenize.split.SplitPreTokenizer;
import jllm.tokenize.text.RegexPattern;
import org.jspecify.annotations.Nullable;

/**
 * A tokenizer as byte-level BPE: expressions that cut a text one after the other, and merges of
 * tokens spelled in the byte alphabet.
 *
 * @param bpe the vocabulary and its merges
 * @param expressions how texts are cut: each cuts what the one before left, matches and what is
 *     between them are pieces; null if it is done by something else than expressions
 * @param normalizer what is done to a text first, or null
 * @param prefixSpace whether a space is put before a text
 */
record ByteLevelForm(
    Bpe bpe,
    @Nullable List<String> expressions,
    @Nullable Normalizer normalizer,
    boolean prefixSpace) {

  private static final String PUNCTUATION = "[\\p{P}\\$\\+<=>\\^~\\|`]+";

  /** Whether a tokenizer's model works on bytes. */
  static boolean fits(Pipeline pipeline) {
    return pipeline.model() instanceof RankBpe
        || pipeline.model() instanceof Bpe bpe
            && !bpe.options().byteFallback()
            && bpe.options().continuingPrefix() == null
            && bpe.options().endSuffix() == null
            && spells(pipeline);
  }

  private static boolean spells(Pipeline pipeline) {
    return flat(pipeline.preTokenizer()).stream().anyMatch(ByteLevel.class::isInstance)
        || flat(pipeline.normalizer()).stream().anyMatch(ByteLevelNormalizer.class::isInstance);
  }

  /**
   * @throws TokenizerFormatException if it is no byte-level BPE
   */
  static ByteLevelForm of(Pipeline pipeline, String layout) {
    if (!fits(pipeline)) {
      throw new TokenizerFormatException(
          pipeline.name()
              + " cannot be written as "
              + layout
              + ": its model is "
              + pipeline.model().getClass().getSimpleName()
              + (pipeline.model() instanceof Bpe ? " over characters" : "")
              + "; expected byte-level BPE");
    }
    Bpe bpe =
        pipeline.model() instanceof RankBpe ranks
            ? HuggingFaceForm.ranks(ranks)
            : (Bpe) pipeline.model();
    List<String> expressions = new ArrayList<>();
    boolean known = true;
    boolean prefix = false;
    for (PreTokenizer step : flat(pipeline.preTokenizer())) {
      if (step instanceof ByteLevel bytes) {
        prefix |= bytes.addPrefixSpace();
        if (bytes.useRegex()) {
          expressions.add(Gpt2Splitter.PATTERN);
        }
      } else {
        String expression = expression(step);
        known &= expression != null;
        expressions.add(String.valueOf(expression));
      }
    }
    List<Normalizer> steps = new ArrayList<>(flat(pipeline.normalizer()));
    steps.removeIf(ByteLevelNormalizer.class::isInstance);
    Normalizer normalizer =
        steps.isEmpty()
            ? null
            : steps.size() == 1 ? steps.getFirst() : new NormalizerSequence(steps);
    return new ByteLevelForm(bpe, known ? expressions : null, normalizer, prefix);
  }

  /** The expression whose matches a pre-tokenizer sets apart, or null. */
  static @Nullable String expression(PreTokenizer step) {
    return switch (step) {
      case SplitPreTokenizer split
          when split.pattern() instanceof RegexPattern regex
              && (split.behavior() == SplitBehavior.ISOLATED
                  || split.behavior() == SplitBehavior.REMOVED
                      && split.invert()
                      && Patterns.scanner(regex.source()) != null) ->
          canonical(regex.source());
      case Digits digits -> digits.individual() ? "\\p{N}" : "\\p{N}+";
      case Punctuation p when p.behavior() == SplitBehavior.CONTIGUOUS -> PUNCTUATION;
      default -> null;
    };
  }

  /** What GPT-2's last alternative would match is left over without it: a piece all the same. */
  static String canonical(String expression) {
    return expression.equals(Patterns.GPT2_WITHOUT_LAST) ? Gpt2Splitter.PATTERN : expression;
  }

  private static List<PreTokenizer> flat(@Nullable PreTokenizer preTokenizer) {
    if (preTokenizer instanceof PreTokenizerSequence sequence) {
      return sequence.preTokenizers().stream().flatMap(p -> flat(p).stream()).toList();
    }
    return preTokenizer == null ? List.of() : List.of(preTokenizer);
  }

  static List<Normalizer> flat(@Nullable Normalizer normalizer) {
    if (normalizer instanceof NormalizerSequence sequence) {
      return sequence.normalizers().stream().flatMap(n -> flat(n).stream()).toList();
    }
    return normalizer == null ? List.of() : List.of(normalizer);
  }
}
