package jllm.tokenize.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.text.ByteAlphabet;

/**
 * A vocabulary as training leaves it: the special tokens, then the 256 bytes by the code points of
 * their visible characters, then one token a merge. Texts are in the visible alphabet.
 *
 * @param tokens the text of every token by id; special tokens as they are
 * @param specialCount how many of the first tokens are special
 * @param byteIds the id of every byte
 * @param left by merge, the id of the left part
 * @param right by merge, the id of the right part
 * @param result by merge, the id of what they become
 */
public record Merges(
    List<String> tokens, int specialCount, int[] byteIds, int[] left, int[] right, int[] result) {

  /** The number of merges. */
  public int size() {
    return left.length;
  }

  /** A merge as it stands in {@code merges.txt}: both parts, a space between. */
  public String text(int merge) {
    return tokens.get(left[merge]) + " " + tokens.get(right[merge]);
  }

  String leftText(int merge) {
    return tokens.get(left[merge]);
  }

  String rightText(int merge) {
    return tokens.get(right[merge]);
  }

  /** The vocabulary, text to id, in the order of ids. */
  public Map<String, Integer> vocabulary() {
    Map<String, Integer> map = LinkedHashMap.newLinkedHashMap(tokens.size());
    for (int id = 0; id < tokens.size(); id++) {
      map.put(tokens.get(id), id);
    }
    return map;
  }

  /** Collects a vocabulary while it grows. */
  static final class Builder {
    private final List<String> tokens = new ArrayList<>();
    private final Map<String, Integer> specials = new HashMap<>();
    private final int[] byteIds = new int[256];
    private int[] left = new int[1024];
    private int[] right = new int[1024];
    private int[] result = new int[1024];
    private int merges;

    Builder(List<String> specialTokens) {
      for (String special : specialTokens) {
        if (specials.putIfAbsent(special, tokens.size()) == null) {
          tokens.add(special);
        }
      }
      Integer[] bytes = new Integer[256];
      Arrays.setAll(bytes, b -> b);
      Arrays.sort(bytes, Comparator.comparing(ByteAlphabet::toChar));
      for (int b : bytes) {
        byteIds[b] = idOf(String.valueOf(ByteAlphabet.toChar(b)));
      }
    }

    int vocabularySize() {
      return tokens.size();
    }

    int merges() {
      return merges;
    }

    int byteId(int b) {
      return byteIds[b & 0xff];
    }

    /**
     * Adds a merge and gives the id of its token, which is new unless a special token has just that
     * text. (No two merges give the same text: what a stretch of text becomes does not depend on
     * what is around it, unless a merge crosses its ends, and then it is no token.)
     */
    int add(int leftId, int rightId) {
      if (merges == left.length) {
        int capacity = 2 * merges;
        left = Arrays.copyOf(left, capacity);
        right = Arrays.copyOf(right, capacity);
        result = Arrays.copyOf(result, capacity);
      }
      int id = idOf(tokens.get(leftId) + tokens.get(rightId));
      left[merges] = leftId;
      right[merges] = rightId;
      result[merges] = id;
      merges++;
      return id;
    }

    private int idOf(String text) {
      Integer special = specials.get(text);
      if (special != null) {
        return special;
      }
      tokens.add(text);
      return tokens.size() - 1;
    }

    Merges build() {
      return new Merges(
          List.copyOf(tokens),
          specials.size(),
          byteIds,
          Arrays.copyOf(left, merges),
          Arrays.copyOf(right, merges),
          Arrays.copyOf(result, merges));
    }
  }
}
