package jllm.tokenize;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a tokenizer by id, spelled as its files spell them (byte-level vocabularies use
 * GPT-2's byte alphabet, SentencePiece writes a space as U+2581). Immutable.
 */
public final class Vocabulary {

  private final @Nullable String[] texts;
  private final IntFunction<@Nullable String> spelling;
  private final BitSet special = new BitSet();
  private final BitSet added = new BitSet();
  private volatile @Nullable Map<String, Integer> byText;

  /**
   * @param texts by id; null where no token has that id
   * @param addedTokens beside or among them; the highest id may lie beyond the texts
   */
  public Vocabulary(@Nullable String[] texts, List<AddedToken> addedTokens) {
    this(texts.length, id -> texts[id], addedTokens);
  }

  /**
   * Spells tokens when they are first asked for: to spell all would take longer than to encode a
   * short text.
   *
   * @param ids how many there are
   * @param spelling the text of a token, null where no token has that id
   * @param addedTokens as above
   */
  public Vocabulary(int ids, IntFunction<@Nullable String> spelling, List<AddedToken> addedTokens) {
    int size = ids;
    for (AddedToken token : addedTokens) {
      size = Math.max(size, token.id() + 1);
    }
    this.texts = new @Nullable String[size];
    this.spelling = id -> id < ids ? spelling.apply(id) : null;
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
    return spelled(id) != null;
  }

  private @Nullable String spelled(int id) {
    if (id < 0 || id >= texts.length) {
      return null;
    }
    String text = texts[id];
    if (text == null) {
      // Another thread may spell it at the same time: to the same text.
      text = spelling.apply(id);
      texts[id] = text;
    }
    return text;
  }

  /**
   * The text of a token as its files spell it.
   *
   * @throws IllegalArgumentException if no token has that id
   */
  public String text(int id) {
    String text = spelled(id);
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
        String t = spelled(id);
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

  /** The ids of the tokens that are found in the text itself, in rising order. */
  public IntStream added() {
    return added.stream();
  }

  /** Whether a token is found in the text itself, not by the model. */
  public boolean isAdded(int id) {
    return added.get(id);
  }
}
