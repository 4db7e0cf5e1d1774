package jllm.tokenize.write;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jllm.tokenize.model.TokenTable;
import jllm.tokenize.text.Utf8;

/**
 * The list of merges that does what a vocabulary alone says: where two neighbours merge whenever
 * together they are a token, every way to cut a token into two tokens is a merge. Those of a more
 * urgent token come first.
 */
final class Merges {

  private Merges() {}

  /** A merge by the ids of its two parts. */
  record Pair(int left, int right) {}

  /**
   * Finds the merges.
   *
   * @param keys the bytes of each token that merges may use or give, empty for others
   * @param ranks by id, the smallest the most urgent
   * @param characters whether parts are whole characters, else bytes
   */
  static List<Pair> of(byte[][] keys, int[] ranks, boolean characters) {
    TokenTable table = new TokenTable(keys);
    long[] order = new long[keys.length];
    for (int id = 0; id < order.length; id++) {
      order[id] = (long) ranks[id] << 32 | id;
    }
    Arrays.sort(order);
    List<Pair> merges = new ArrayList<>();
    List<Pair> ofToken = new ArrayList<>();
    for (long entry : order) {
      byte[] key = keys[(int) entry];
      ofToken.clear();
      for (int cut = 1; cut < key.length; cut++) {
        if (characters && (key[cut] & 0xc0) == 0x80) {
          continue;
        }
        int left = table.find(key, 0, cut);
        int right = left < 0 ? -1 : table.find(key, cut, key.length);
        if (right >= 0) {
          ofToken.add(new Pair(left, right));
        }
      }
      ofToken.sort((a, b) ->
          ranks[a.left] != ranks[b.left]
              ? Integer.compare(ranks[a.left], ranks[b.left])
              : Integer.compare(ranks[a.right], ranks[b.right]));
      merges.addAll(ofToken);
    }
    return merges;
  }

  /**
   * The first token that two neighbours become although one of them is a character that is no
   * token, which no list of merges can say; -1 if there is none.
   */
  static int madeOfUnknown(byte[][] keys) {
    TokenTable table = new TokenTable(keys);
    for (int id = 0; id < keys.length; id++) {
      byte[] key = keys[id];
      boolean made = false;
      boolean ofUnknown = false;
      for (int cut = 1; cut < key.length; cut++) {
        if ((key[cut] & 0xc0) == 0x80) {
          continue;
        }
        boolean left = table.find(key, 0, cut) >= 0;
        boolean right = table.find(key, cut, key.length) >= 0;
        made |= left && right;
        ofUnknown |=
            (left || cut == Utf8.sizeOf(key[0]))
                && (right || key.length - cut == Utf8.sizeOf(key[cut]));
      }
      if (ofUnknown && !made) {
        return id;
      }
    }
    return -1;
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
