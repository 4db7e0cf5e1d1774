package jllm.tokenize;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a tokenizer by id, spelled as its files spell them (byte-level vocabularies use
 * GPT-2's byte alphabet, SentencePiece writes a space as U+2581). Immutable.
 */
public final class Vocabulary {

  private final @Nullable String[] texts;
  private final BitSet special = new BitSet();
  private final BitSet added = new BitSet();
  private volatile @Nullable Map<String, Integer> byText;

  /**
   * @param texts by id; null where no token has that id
   * @param addedTokens beside or among them; the highest id may lie beyond the texts
   */
  public Vocabulary(@Nullable String[] texts, List<AddedToken> addedTokens) {
    int size = texts.length;
    for (AddedToken token : addedTokens) {
      size = Math.max(size, token.id() + 1);
    }
    this.texts = java.util.Arrays.copyOf(texts, size);
    for (AddedToken token : addedTokens) {
      this.texts[token.id()] = token.content();
      added.set(token.id());
      special.set(token.id(), token.special());
    }
  }

  /** One more than the highest id. */
  public int size() {
    return texts.length;
  }

  /** Whether a token has that id. */
  public boolean has(int id) {
    return id >= 0 && id < texts.length && texts[id] != null;
  }

  /**
   * The text of a token as its files spell it.
   *
   * @throws IllegalArgumentException if no token has that id
   */
  public String text(int id) {
    String text = id >= 0 && id < texts.length ? texts[id] : null;
    if (text == null) {
      throw new IllegalArgumentException(
          "no token has the id "
              + id
              + "; the vocabulary has "
              + texts.length
              + " ids, 0 to "
              + (texts.length - 1));
    }
    return text;
  }

  /** The id of the token spelled so, or -1. */
  public int id(String text) {
    Map<String, Integer> map = byText;
    if (map == null) {
      map = HashMap.newHashMap(texts.length);
      for (int id = 0; id < texts.length; id++) {
        String t = texts[id];
        if (t != null) {
          map.putIfAbsent(t, id);
        }
      }
      byText = map;
    }
    return map.getOrDefault(text, -1);
  }

  /** Whether a token stands for no text but for control: BOS, EOS, [CLS], chat markers... */
  public boolean isSpecial(int id) {
    return special.get(id);
  }

  /** Whether a token is found in the text itself, not by the model. */
  public boolean isAdded(int id) {
    return added.get(id);
  }
}
