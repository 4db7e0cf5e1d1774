package jllm.tokenize.model;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import jllm.tokenize.TokenizerFormatException;

/**
 * Byte pair encoding as SentencePiece defines it (bpe_model.cc): symbols are characters, two
 * neighbours merge if together they are a piece, the highest score first; what is no piece in the
 * end falls back to byte tokens or to the unknown token.
 */
public final class SpmBpe implements Model {

  private final List<String> pieces;
  private final float[] scores;
  private final PieceKind[] kinds;
  private final TokenTable table;
  private final TextMerges merges;
  private final boolean[] unused;
  private final boolean[] frozen;
  private final ByteTrie userDefined;
  private final int[] byteIds;
  private final int unknown;

  /**
   * @param pieces by id, spelled with U+2581 for a space
   * @param scores by id
   * @param kinds by id
   * @param byteIds the id of each byte's token, or empty if there are none
   * @param unknown id for what is neither piece nor bytes, or -1: such text gives no token
   */
  public SpmBpe(
      List<String> pieces, float[] scores, PieceKind[] kinds, int[] byteIds, int unknown) {
    if (scores.length != pieces.size()) {
      throw new TokenizerFormatException(
          "the vocabulary has "
              + pieces.size()
              + " pieces but "
              + scores.length
              + " scores; byte pair encoding with scores needs one a piece");
    }
    this.pieces = List.copyOf(pieces);
    this.scores = scores.clone();
    this.kinds = kinds.clone();
    this.byteIds = byteIds.clone();
    this.unknown = unknown;
    byte[][] keys = new byte[pieces.size()][];
    byte[][] defined = new byte[keys.length][];
    boolean[] unusedIds = new boolean[keys.length];
    boolean[] frozenIds = new boolean[keys.length];
    for (int id = 0; id < keys.length; id++) {
      keys[id] =
          kinds[id] == PieceKind.APART
              ? new byte[0]
              : pieces.get(id).getBytes(StandardCharsets.UTF_8);
      unusedIds[id] = kinds[id] == PieceKind.UNUSED;
      frozenIds[id] = kinds[id] == PieceKind.USER_DEFINED;
      defined[id] = frozenIds[id] ? keys[id] : new byte[0];
    }
    table = new TokenTable(keys);
    merges = new TextMerges(table, ranks(scores));
    unused = orNone(unusedIds);
    frozen = orNone(frozenIds);
    userDefined = new ByteTrie(defined);
  }

  private static boolean[] orNone(boolean[] flags) {
    for (boolean flag : flags) {
      if (flag) {
        return flags;
      }
    }
    return new boolean[0];
  }

  /** Scores as ranks: the highest score is rank 0, equal scores share a rank. */
  private static int[] ranks(float[] scores) {
    float[] sorted = scores.clone();
    Arrays.sort(sorted);
    int[] ranks = new int[scores.length];
    for (int i = 0; i < ranks.length; i++) {
      int at = Arrays.binarySearch(sorted, scores[i]);
      while (at + 1 < sorted.length && Float.compare(sorted[at + 1], scores[i]) == 0) {
        at++;
      }
      ranks[i] = sorted.length - 1 - at;
    }
    return ranks;
  }

  public List<String> pieces() {
    return pieces;
  }

  public float score(int id) {
    return scores[id];
  }

  public PieceKind kind(int id) {
    return kinds[id];
  }

  /** Whether what is no piece becomes its bytes. */
  public boolean byteFallback() {
    return byteIds.length > 0;
  }

  /** The rank of each piece's merge: the highest score has rank 0, equal scores share one. */
  public int[] ranks() {
    return ranks(scores);
  }

  /**
   * Whether the character is a piece, and every piece that contains it contains it only at its
   * beginning, runs of it counted as one: then nothing merges across the place before such a run,
   * and a text may be cut there.
   */
  public boolean onlyBegins(String character) {
    return table.onlyBegins(character.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public PieceEncoder newEncoder() {
    return new SpmBpeEncoder(this);
  }

  TokenTable table() {
    return table;
  }

  TextMerges merges() {
    return merges;
  }

  /** By id whether a piece is taken apart again; empty if none is. */
  boolean[] unused() {
    return unused;
  }

  /** By id whether a piece merges with nothing; empty if none is so. */
  boolean[] frozen() {
    return frozen;
  }

  /** The pieces that are found wherever they stand. */
  ByteTrie userDefined() {
    return userDefined;
  }

  int[] byteIds() {
    return byteIds;
  }

  /** The unknown token, or -1. */
  public int unknown() {
    return unknown;
  }
}
