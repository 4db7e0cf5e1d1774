package jllm.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.tokenize.AddedToken;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.Model;
import jllm.tokenize.model.SpmBpe;
import jllm.tokenize.model.Unigram;
import jllm.tokenize.model.WordPiece;

/** What a tokenizer is, for people or as JSON. */
final class TokenizerFacts {
  private TokenizerFacts() {}

  static Map<String, Object> of(Tokenizer tokenizer) {
    Vocabulary vocabulary = tokenizer.vocabulary();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("kind", kind(tokenizer.pipeline().model()));
    values.put("vocabulary", vocabulary.size());
    values.put(
        "added_tokens", tokenizer.pipeline().added().stream().filter(AddedToken::special).count());
    Map<String, Object> special = new LinkedHashMap<>();
    for (SpecialIds.Role role : SpecialIds.Role.values()) {
      if (tokenizer.special().has(role)) {
        special.put(
            role.name().toLowerCase(Locale.ROOT), token(vocabulary, tokenizer.special().id(role)));
      }
    }
    values.put("special", special);
    List<Map<String, Object>> ends =
        tokenizer.pipeline().endOfGeneration().stream()
            .mapToObj(id -> token(vocabulary, id))
            .toList();
    values.put("end_of_generation", ends);
    return values;
  }

  /** The same on one line each. */
  static Map<String, String> text(Tokenizer tokenizer) {
    Map<String, String> lines = new LinkedHashMap<>();
    Vocabulary vocabulary = tokenizer.vocabulary();
    lines.put(
        "tokenizer",
        String.format(
            Locale.ROOT, "%s, %,d tokens", kind(tokenizer.pipeline().model()), vocabulary.size()));
    StringBuilder special = new StringBuilder();
    for (SpecialIds.Role role : SpecialIds.Role.values()) {
      if (tokenizer.special().has(role)) {
        int id = tokenizer.special().id(role);
        special
            .append(special.isEmpty() ? "" : ", ")
            .append(role.name().toLowerCase(Locale.ROOT))
            .append(' ')
            .append(id)
            .append(vocabulary.has(id) ? " " + Json.compact(vocabulary.text(id)) : "");
      }
    }
    lines.put("special tokens", special.isEmpty() ? "none" : special.toString());
    return lines;
  }

  private static Map<String, Object> token(Vocabulary vocabulary, int id) {
    Map<String, Object> token = new LinkedHashMap<>();
    token.put("id", id);
    if (vocabulary.has(id)) {
      token.put("text", vocabulary.text(id));
    }
    return token;
  }

  private static String kind(Model model) {
    return switch (model) {
      case Bpe _ -> "BPE";
      case SpmBpe _ -> "SentencePiece BPE";
      case Unigram _ -> "SentencePiece unigram";
      case WordPiece _ -> "WordPiece";
      default -> model.getClass().getSimpleName();
    };
  }
}
