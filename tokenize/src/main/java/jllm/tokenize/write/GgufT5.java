package jllm.tokenize.write;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.AddedToken;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.model.PieceKind;
import jllm.tokenize.model.Unigram;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.Precompiled;
import jllm.tokenize.normalize.Prepend;
import jllm.tokenize.normalize.Replace;
import jllm.tokenize.normalize.SpmNormalizer;
import jllm.tokenize.split.Metaspace;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.split.WhitespaceSplit;
import jllm.tokenize.text.CharsMap;
import org.jspecify.annotations.Nullable;

/** GGUF's {@code t5}: SentencePiece's unigram model with its normalization. */
final class GgufT5 {

  private static final String SPACE = "\u2581";

  private @Nullable CharsMap map;
  private boolean prefix;
  private boolean merge;
  private boolean escape;

  private GgufT5() {}

  static VocabularySpec.Builder of(GgufVocabularies form, Unigram model) {
    GgufT5 rules = new GgufT5();
    if (form.pipeline.normalizer() instanceof SpmNormalizer spm) {
      rules.spm(form, spm);
    } else {
      rules.components(form);
    }
    if (!rules.escape) {
      throw form.refused("it does not write spaces as U+2581");
    }
    float[] scores = new float[form.types.length];
    for (int id = 0; id < model.tokens().size(); id++) {
      scores[id] = (float) model.score(id);
      if (model.kind(id) == PieceKind.UNUSED) {
        form.types[id] = VocabularySpec.UNUSED;
      }
    }
    form.markAdded();
    form.markBytes(model.unknown(), model.byteFallback());
    return VocabularySpec.builder("t5", form.texts)
        .scores(scores)
        .types(form.types)
        .addSpacePrefix(rules.prefix)
        .removeExtraWhitespaces(rules.merge)
        .precompiledCharsMap(rules.map == null ? null : rules.map.toBytes());
  }

  private void spm(GgufVocabularies form, SpmNormalizer spm) {
    if (spm.spaceAsSuffix()) {
      throw form.refused("it puts spaces after words (treat_whitespace_as_suffix)");
    }
    map = spm.map();
    prefix = spm.addDummyPrefix();
    merge = spm.removeExtraWhitespaces();
    escape = spm.escapeWhitespaces();
  }

  /** Recognizes what converters make of SentencePiece's rules. */
  private void components(GgufVocabularies form) {
    for (Normalizer step : ByteLevelForm.flat(form.pipeline.normalizer())) {
      switch (step) {
        case Precompiled p -> {
          map = p.map();
          form.lost.add(
              "the character map is applied to the longest match, not to grapheme clusters");
        }
        case Replace r when r.content().equals(" ") && r.pattern().source().equals(" {2,}") ->
            merge = true;
        case Replace r when r.content().isEmpty() && r.pattern().source().startsWith("\\A +") ->
            merge = true;
        case Replace r when r.content().equals(SPACE) && r.pattern().source().equals(" ") ->
            escape = true;
        case Prepend p when p.prefix().equals(SPACE) -> prefix = true;
        default -> throw form.refused("GGUF's t5 has no place for its normalizer " + step);
      }
    }
    PreTokenizer split = form.pipeline.preTokenizer();
    List<PreTokenizer> steps = new ArrayList<>();
    if (split instanceof PreTokenizerSequence sequence) {
      steps.addAll(sequence.preTokenizers());
    } else if (split != null) {
      steps.add(split);
    }
    for (PreTokenizer step : steps) {
      if (step instanceof Metaspace space
          && Character.toString(space.replacement()).equals(SPACE)) {
        escape = true;
        prefix |= space.scheme() != Metaspace.Scheme.NEVER;
      } else if (step instanceof WhitespaceSplit) {
        merge = true;
        form.lost.add("words are cut at white space before all else");
      } else {
        throw form.refused("GGUF's t5 has no place for its pre-tokenizer " + step);
      }
    }
    for (AddedToken token : form.pipeline.added()) {
      if (!token.special()) {
        form.lost.add("'" + token.content() + "' is found before the text is normalized");
        break;
      }
    }
  }
}
