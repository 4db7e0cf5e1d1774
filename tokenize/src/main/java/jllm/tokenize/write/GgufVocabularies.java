package jllm.tokenize.write;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.AddedToken;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Pipeline;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.model.SpmBpe;
import jllm.tokenize.model.Unigram;
import jllm.tokenize.model.WordPiece;
import jllm.tokenize.text.ByteToken;

/**
 * The metadata of GGUF files ({@code tokenizer.ggml.*}; github.com/ggml-org/ggml, docs/gguf.md, and
 * what llama.cpp makes of it). Each kind of model has its class; here is what they share: the texts
 * and types of tokens, special ids, what is put around a text.
 */
final class GgufVocabularies {

  private final Tokenizer tokenizer;
  final Pipeline pipeline;
  final List<String> lost = new ArrayList<>();
  final int[] types;
  final List<String> texts = new ArrayList<>();

  /** The unknown token, or -1. */
  int unknown = -1;

  private GgufVocabularies(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
    this.pipeline = tokenizer.pipeline();
    Vocabulary vocabulary = tokenizer.vocabulary();
    types = new int[vocabulary.size()];
    for (int id = 0; id < types.length; id++) {
      boolean there = vocabulary.has(id);
      types[id] = there ? VocabularySpec.NORMAL : VocabularySpec.UNUSED;
      texts.add(there ? vocabulary.text(id) : "[PAD" + id + "]");
    }
  }

  static TokenizerWriters.GgufForm of(Tokenizer tokenizer) {
    GgufVocabularies form = new GgufVocabularies(tokenizer);
    VocabularySpec.Builder builder =
        switch (tokenizer.pipeline().model()) {
          case WordPiece m -> GgufBert.of(form, m);
          case SpmBpe m -> GgufLlama.of(form, m);
          case Unigram m -> GgufT5.of(form, m);
          default -> merging(form);
        };
    form.around(builder);
    return new TokenizerWriters.GgufForm(builder.build(), form.lost);
  }

  private static VocabularySpec.Builder merging(GgufVocabularies form) {
    if (GgufLlama.fits(form.pipeline)) {
      return GgufLlama.of(form);
    }
    return GgufCharacters.fits(form.pipeline) ? GgufCharacters.of(form) : GgufGpt2.of(form);
  }

  /** Marks added tokens; what they do beyond matching as they are written has no place. */
  void markAdded() {
    for (AddedToken token : pipeline.added()) {
      types[token.id()] = token.special() ? VocabularySpec.CONTROL : VocabularySpec.USER_DEFINED;
    }
    for (AddedToken token : pipeline.added()) {
      if (token.lstrip() || token.rstrip() || token.singleWord()) {
        lost.add(
            "'"
                + token.content()
                + "' takes white space along or stands alone (lstrip, rstrip, single_word)");
        break;
      }
    }
  }

  /** Marks the tokens of bytes and the unknown token, as SentencePiece does. */
  void markBytes(int unknownId, boolean byteFallback) {
    unknown = unknownId;
    if (unknown >= 0) {
      types[unknown] = VocabularySpec.UNKNOWN;
    }
    for (int id = 0; byteFallback && id < types.length; id++) {
      if (ByteToken.byteOf(texts.get(id)) >= 0) {
        types[id] = VocabularySpec.BYTE;
      }
    }
  }

  /** A text for a template to stand around: any will do that has tokens. */
  private String sample() {
    Vocabulary vocabulary = tokenizer.vocabulary();
    String sample = "a";
    for (int id = 0; id < types.length && tokenizer.encode(sample).length == 0; id++) {
      if (vocabulary.has(id) && !vocabulary.isSpecial(id)) {
        sample = vocabulary.text(id);
      }
    }
    return sample;
  }

  /**
   * Names a token that ends a generation, if the tokenizer does not say which: readers would take
   * one by its number.
   *
   * @param byNumber the token that they take
   */
  private void end(Map<Role, Integer> roles, int byNumber) {
    int end = pipeline.endOfGeneration().nextSetBit(0);
    if (end >= 0) {
      roles.putIfAbsent(Role.EOS, end);
    } else if (byNumber < types.length && !roles.containsKey(Role.EOS)) {
      lost.add(
          "there is no token at which a generation ends; llama.cpp takes token "
              + byNumber
              + " ('"
              + texts.get(byNumber)
              + "') for it");
    }
  }

  /** What the template puts before and after a text, as far as GGUF can say it. */
  private void around(VocabularySpec.Builder builder) {
    String sample = sample();
    int[] plain = tokenizer.encode(sample);
    int[] ids = tokenizer.encode(sample, EncodeOptions.WITH_SPECIAL);
    int at = 0;
    while (!Arrays.equals(plain, 0, plain.length, ids, at, at + plain.length)) {
      at++;
    }
    int[] before = Arrays.copyOf(ids, at);
    int[] after = Arrays.copyOfRange(ids, at + plain.length, ids.length);
    if (before.length > 1 || after.length > 1) {
      throw refused(
          "its template puts "
              + before.length
              + " tokens before and "
              + after.length
              + " after a text; GGUF has room for one each");
    }
    Map<Role, Integer> roles = new HashMap<>(pipeline.special().toMap());
    boolean bert = pipeline.model() instanceof WordPiece;
    if (before.length == 1) {
      roles.put(bert ? Role.CLS : Role.BOS, before[0]);
    }
    if (after.length == 1) {
      roles.put(bert ? Role.SEP : Role.EOS, after[0]);
    }
    if (unknown >= 0) {
      roles.put(Role.UNK, unknown);
    }
    switch (builder.build().model()) {
      case "gpt2" -> end(roles, 11);
      case "llama" -> end(roles, 2);
      case "t5" -> end(roles, 1);
      default -> {}
    }
    builder.ids(new SpecialIds(roles));
    if (bert) {
      if (before.length + after.length != 2) {
        throw refused("it does not put one token before and one after a text, as GGUF's bert does");
      }
    } else {
      builder.addBos(before.length == 1).addEos(after.length == 1);
    }
  }

  TokenizerFormatException refused(String why) {
    return new TokenizerFormatException(
        tokenizer.name() + " cannot be written as the vocabulary of a GGUF file: " + why);
  }
}
