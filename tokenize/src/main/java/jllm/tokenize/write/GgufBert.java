package jllm.tokenize.write;

import jllm.tokenize.AddedToken;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.model.WordPiece;
import jllm.tokenize.normalize.BertNormalizer;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.split.BertPreTokenizer;

/**
 * GGUF's {@code bert}: WordPiece after BERT's cleaning, which always ignores case there. Tokens
 * that begin a word have U+2581 before them, the others lose their mark.
 */
final class GgufBert {

  private static final String SPACE = "\u2581";
  private static final String WORD_PART = "##";

  private GgufBert() {}

  static VocabularySpec.Builder of(GgufVocabularies form, WordPiece model) {
    if (!model.prefix().equals(WORD_PART)) {
      throw form.refused("its tokens go on in a word with '" + model.prefix() + "', not '##'");
    }
    Normalizer normalizer = form.pipeline.normalizer();
    if (!(normalizer instanceof BertNormalizer bert)
        || !bert.cleanText()
        || !bert.handleChineseChars()
        || !bert.lowercase()
        || Boolean.FALSE.equals(bert.stripAccents())) {
      throw form.refused(
          "its normalizer is "
              + normalizer
              + "; GGUF's bert always cleans, lowers case and strips accents");
    }
    if (!(form.pipeline.preTokenizer() instanceof BertPreTokenizer)) {
      throw form.refused(
          "its pre-tokenizer is " + form.pipeline.preTokenizer() + "; expected BERT's");
    }
    for (int id = 0; id < form.types.length; id++) {
      String token = form.texts.get(id);
      boolean whole = token.startsWith("[") && token.endsWith("]");
      if (token.startsWith(WORD_PART) && token.length() > WORD_PART.length()) {
        form.texts.set(id, token.substring(WORD_PART.length()));
      } else if (!whole && form.types[id] == VocabularySpec.NORMAL) {
        form.texts.set(id, SPACE + token);
      }
    }
    form.markAdded();
    for (AddedToken token : form.pipeline.added()) {
      form.texts.set(token.id(), written(token));
    }
    form.unknown = form.pipeline.vocabulary().id(model.unknown());
    return VocabularySpec.builder("bert", form.texts).types(form.types);
  }

  private static String written(AddedToken token) {
    String text = token.content();
    return text.startsWith("[") && text.endsWith("]") ? text : SPACE + text;
  }
}
