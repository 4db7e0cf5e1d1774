package jllm.format.convert;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.VocabularySpec;

/** Vocabularies of another size: embeddings often have more rows than there are tokens. */
final class Vocabularies {
  private static final float LEAST = -1000;

  private Vocabularies() {}

  /** The same with padding up to a size, and with these special tokens. */
  static VocabularySpec resized(VocabularySpec spec, int size, SpecialIds ids) {
    List<String> tokens =
        new ArrayList<>(spec.tokens().subList(0, Math.min(size, spec.tokens().size())));
    float[] scores = spec.scores().length == 0 ? spec.scores() : Arrays.copyOf(spec.scores(), size);
    int[] types = spec.types().length == 0 ? spec.types() : Arrays.copyOf(spec.types(), size);
    for (int id = tokens.size(); id < size; id++) {
      tokens.add(padding(id));
      if (scores.length > 0) {
        scores[id] = LEAST;
      }
      if (types.length > 0) {
        types[id] = VocabularySpec.UNUSED;
      }
    }
    return VocabularySpec.builder(spec.model(), tokens)
        .pre(spec.pre())
        .scores(scores)
        .types(types)
        .merges(spec.merges())
        .ids(ids)
        .addBos(spec.addBos())
        .addEos(spec.addEos())
        .addSep(spec.addSep())
        .addSpacePrefix(spec.addSpacePrefix())
        .removeExtraWhitespaces(spec.removeExtraWhitespaces())
        .precompiledCharsMap(spec.precompiledCharsMap())
        .build();
  }

  /** The same without the padding at its end. */
  static VocabularySpec trimmed(VocabularySpec spec) {
    int size = spec.tokens().size();
    while (size > 0 && isPadding(spec, size - 1)) {
      size--;
    }
    return resized(spec, size, spec.ids());
  }

  private static boolean isPadding(VocabularySpec spec, int id) {
    return spec.types().length > 0
        && spec.types()[id] == VocabularySpec.UNUSED
        && spec.tokens().get(id).equals(padding(id));
  }

  private static String padding(int id) {
    return "[PAD" + id + "]";
  }
}
