package jllm.tokenize.write;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.Pipeline;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.PieceKind;
import jllm.tokenize.model.SpmBpe;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.Prepend;
import jllm.tokenize.normalize.Replace;
import jllm.tokenize.normalize.SpmNormalizer;
import jllm.tokenize.split.Metaspace;
import jllm.tokenize.split.PreTokenizer;
import org.jspecify.annotations.Nullable;

/**
 * GGUF's {@code llama}: SentencePiece's BPE with bytes for what is no piece, without any
 * normalization but that of spaces. It comes from SentencePiece itself or from a {@code
 * tokenizer.json} whose merges are those of such a vocabulary.
 */
final class GgufLlama {

  private static final String SPACE = "\u2581";

  private GgufLlama() {}

  /** Whether a model of merges may be SentencePiece's. */
  static boolean fits(Pipeline pipeline) {
    return pipeline.model() instanceof Bpe bpe && bpe.options().byteFallback();
  }

  static VocabularySpec.Builder of(GgufVocabularies form, SpmBpe model) {
    boolean prefix;
    if (form.pipeline.normalizer() instanceof SpmNormalizer spm) {
      if (spm.map() != null || spm.removeExtraWhitespaces() || spm.spaceAsSuffix()) {
        throw form.refused(
            "it normalizes texts (a character map, repeated spaces or spaces after words), which"
                + " GGUF's llama does not");
      }
      prefix = spm.addDummyPrefix();
    } else {
      prefix = prefix(form);
    }
    float[] scores = new float[form.types.length];
    for (int id = 0; id < model.pieces().size(); id++) {
      scores[id] = model.score(id);
      if (model.kind(id) == PieceKind.UNUSED) {
        form.types[id] = VocabularySpec.UNUSED;
      }
    }
    form.markAdded();
    boolean defined = false;
    for (int id = 0; id < model.pieces().size(); id++) {
      if (model.kind(id) == PieceKind.USER_DEFINED) {
        form.types[id] = VocabularySpec.USER_DEFINED;
        defined = true;
      }
    }
    if (defined && prefix) {
      form.lost.add("user-defined symbols have no space put after them");
    }
    form.markBytes(model.unknown(), model.byteFallback());
    return spec(form, scores, prefix);
  }

  static VocabularySpec.Builder of(GgufVocabularies form) {
    Bpe model = (Bpe) form.pipeline.model();
    Bpe.Options options = model.options();
    if (options.continuingPrefix() != null
        || options.endSuffix() != null
        || options.ignoreMerges()) {
      throw form.refused("its options " + options + " are not those of SentencePiece");
    }
    boolean prefix = prefix(form);
    float[] scores = scores(form, model);
    form.markAdded();
    int unknown = options.unknown() == null ? -1 : form.pipeline.vocabulary().id(options.unknown());
    form.markBytes(unknown, true);
    return spec(form, scores, prefix);
  }

  private static VocabularySpec.Builder spec(
      GgufVocabularies form, float[] scores, boolean prefix) {
    return VocabularySpec.builder("llama", form.texts)
        .scores(scores)
        .types(form.types)
        .addSpacePrefix(prefix);
  }

  /** Whether a space is put before texts, told from the ways in which files say so. */
  private static boolean prefix(GgufVocabularies form) {
    boolean prefix = false;
    boolean escape = false;
    for (Normalizer step : ByteLevelForm.flat(form.pipeline.normalizer())) {
      switch (step) {
        case Prepend p when p.prefix().equals(SPACE) -> prefix = true;
        case Replace r when r.content().equals(SPACE) && r.pattern().source().equals(" ") ->
            escape = true;
        default -> throw form.refused("GGUF's llama has no place for its normalizer " + step);
      }
    }
    PreTokenizer split = form.pipeline.preTokenizer();
    if (split instanceof Metaspace space
        && !space.split()
        && Character.toString(space.replacement()).equals(SPACE)) {
      escape = true;
      prefix |= space.scheme() != Metaspace.Scheme.NEVER;
      if (space.scheme() != Metaspace.Scheme.NEVER) {
        form.lost.add("no space is put before texts that begin with one (Metaspace)");
      }
    } else if (split != null) {
      throw form.refused("GGUF's llama has no place for its pre-tokenizer " + split);
    }
    if (!escape) {
      throw form.refused("it does not write spaces as U+2581");
    }
    return prefix;
  }

  /**
   * Scores that rank pieces as the merges do. There are such if every way to make a piece of two is
   * a merge, and those that give the same piece follow each other.
   */
  private static float[] scores(GgufVocabularies form, Bpe model) {
    byte[][] keys = new byte[model.size()][];
    int[] ranks = new int[keys.length];
    Map<String, Integer> ids = new HashMap<>();
    for (int id = 0; id < keys.length; id++) {
      String token = model.token(id);
      keys[id] = token == null ? new byte[0] : Merges.utf8(token);
      ids.put(String.valueOf(token), id);
    }
    Arrays.fill(ranks, Integer.MAX_VALUE);
    int last = -1;
    int pieces = 0;
    int merges = 0;
    for (; merges < model.mergeCount(); merges++) {
      String text = model.mergeLeft(merges) + model.mergeRight(merges);
      int id = ids.getOrDefault(text, -1);
      if (id != last && ranks[id] != Integer.MAX_VALUE) {
        throw notScores(form, text);
      }
      if (id != last) {
        ranks[id] = pieces++;
        last = id;
      }
    }
    @Nullable String missing = missing(keys, ranks, model);
    if (missing != null) {
      throw notScores(form, missing);
    }
    float[] scores = new float[form.types.length];
    for (int id = 0; id < scores.length; id++) {
      int rank = id < ranks.length ? ranks[id] : Integer.MAX_VALUE;
      scores[id] = rank == Integer.MAX_VALUE ? -pieces : -rank;
    }
    return scores;
  }

  /** A piece that two others make up although no merge says so, or null. */
  private static @Nullable String missing(byte[][] keys, int[] ranks, Bpe model) {
    List<Merges.Pair> all = Merges.of(keys, ranks, true);
    if (all.size() == model.mergeCount()) {
      return null;
    }
    Map<String, Integer> count = new HashMap<>();
    for (int rank = 0; rank < model.mergeCount(); rank++) {
      count.merge(model.mergeLeft(rank) + model.mergeRight(rank), 1, Integer::sum);
    }
    for (Merges.Pair pair : all) {
      String text =
          String.valueOf(model.token(pair.left())) + String.valueOf(model.token(pair.right()));
      if (count.merge(text, -1, Integer::sum) < 0) {
        return text;
      }
    }
    return null;
  }

  private static RuntimeException notScores(GgufVocabularies form, String piece) {
    return form.refused(
        "its merges are not those of a SentencePiece vocabulary, where a piece is merged from any"
            + " two that make it up: '"
            + piece
            + "'");
  }
}
