package jllm.tokenize.write;

import java.nio.charset.StandardCharsets;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.text.ByteAlphabet;

/**
 * A vocabulary of single characters, which nothing merges. GGUF has no model for it, but two that
 * give the same tokens: {@code gpt2}, where every character is one byte, else {@code llama} without
 * tokens for bytes and without the space before texts.
 */
final class GgufCharacters {

  private static final String SPACE = "\u2581";

  private GgufCharacters() {}

  static boolean fits(Pipeline pipeline) {
    return pipeline.model() instanceof Bpe bpe
        && bpe.mergeCount() == 0
        && bpe.options().continuingPrefix() == null
        && bpe.options().endSuffix() == null
        && !bpe.options().byteFallback()
        && pipeline.normalizer() == null
        && pipeline.preTokenizer() == null
        && characters(pipeline, Character.MAX_CODE_POINT);
  }

  /** Whether every token that is not added is one character, none of them above a limit. */
  private static boolean characters(Pipeline pipeline, int most) {
    Vocabulary vocabulary = pipeline.vocabulary();
    for (int id = 0; id < vocabulary.size(); id++) {
      if (vocabulary.has(id) && !vocabulary.isAdded(id)) {
        String text = vocabulary.text(id);
        if (text.codePointCount(0, text.length()) != 1 || text.codePointAt(0) > most) {
          return false;
        }
      }
    }
    return true;
  }

  static VocabularySpec.Builder of(GgufVocabularies form) {
    Bpe bpe = (Bpe) form.pipeline.model();
    for (AddedToken token : form.pipeline.added()) {
      String text = token.content();
      if (token.special() && text.codePointCount(0, text.length()) == 1) {
        throw form.refused(
            "its special token '" + text + "' is a character that is text where it is not parsed");
      }
    }
    form.markAdded();
    if (form.pipeline.decoder() == null) {
      form.lost.add("decoded characters have no spaces put between them");
    }
    return bpe.options().unknown() == null && characters(form.pipeline, 0x7f)
        ? bytes(form)
        : pieces(form, bpe);
  }

  /** Bytes above ASCII have no token: they are left out, as the characters are that they make. */
  private static VocabularySpec.Builder bytes(GgufVocabularies form) {
    for (int id = 0; id < form.types.length; id++) {
      if (form.types[id] == VocabularySpec.NORMAL) {
        byte[] character = form.texts.get(id).getBytes(StandardCharsets.UTF_8);
        form.texts.set(id, ByteAlphabet.encode(character));
      }
    }
    return VocabularySpec.builder("gpt2", form.texts).pre(GgufGpt2.PRE).types(form.types);
  }

  private static VocabularySpec.Builder pieces(GgufVocabularies form, Bpe bpe) {
    for (int id = 0; id < form.types.length; id++) {
      if (form.types[id] != VocabularySpec.NORMAL) {
        continue;
      }
      if (form.texts.get(id).equals(SPACE)) {
        throw form.refused("one of its characters is U+2581, which stands for the space there");
      }
      if (form.texts.get(id).equals(" ")) {
        form.texts.set(id, SPACE);
      }
    }
    String unknown = bpe.options().unknown();
    form.markBytes(unknown == null ? -1 : form.pipeline.vocabulary().id(unknown), false);
    form.lost.add(
        "characters that are not in the vocabulary are "
            + (unknown == null ? "left out" : "each '" + unknown + "'")
            + " here; readers of the file take "
            + (unknown == null ? "token 0" : "one such token")
            + " for a run of them and U+2581 for a space, and llama.cpp ends with an error, for"
            + " want of tokens of bytes");
    return VocabularySpec.builder("llama", form.texts)
        .scores(new float[form.types.length])
        .types(form.types)
        .addSpacePrefix(false);
  }
}
