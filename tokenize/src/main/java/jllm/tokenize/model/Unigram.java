package jllm.tokenize.model;

import java.nio.charset.StandardCharsets;
import java.util.List;
import jllm.tokenize.TokenizerFormatException;

/**
 * The unigram language model of SentencePiece (unigram_model.cc): of all ways to cut a piece into
 * tokens, the one with the highest sum of scores.
 */
public final class Unigram implements Model {

  private static final double UNKNOWN_PENALTY = 10;

  private final List<String> tokens;
  private final double[] scores;
  private final PieceKind[] kinds;
  private final int unknown;
  private final boolean byteFallback;
  private final boolean singlePrecision;
  private final ByteTrie trie;
  private final double unknownScore;
  private final int[] byteIds;

  /** How one reader's rules differ from another's. */
  public enum Precision {
    /** Sums in 64 bits, as Hugging Face's library has them. */
    DOUBLE,
    /** Sums in 32 bits, as SentencePiece has them. */
    SINGLE
  }

  /**
   * @param tokens by id
   * @param scores by id: logarithms of probabilities
   * @param kinds by id
   * @param unknown the token for what no token covers, or -1
   * @param byteFallback whether such text becomes its bytes, {@code <0x00>}..., instead
   * @throws TokenizerFormatException if there is no unknown token but a need for it may arise
   */
  public Unigram(
      List<String> tokens,
      double[] scores,
      PieceKind[] kinds,
      int unknown,
      boolean byteFallback,
      Precision precision) {
    if (unknown >= tokens.size()) {
      throw new TokenizerFormatException(
          "the unknown token's id "
              + unknown
              + " is out of range: the vocabulary has "
              + tokens.size()
              + " tokens");
    }
    this.tokens = List.copyOf(tokens);
    this.scores = scores.clone();
    this.kinds = kinds.clone();
    this.unknown = unknown;
    this.byteFallback = byteFallback;
    this.singlePrecision = precision == Precision.SINGLE;
    byte[][] keys = new byte[tokens.size()][];
    double lowest = Double.POSITIVE_INFINITY;
    // So initialized in the reference: the smallest positive float.
    float highest = Float.MIN_NORMAL;
    for (int id = 0; id < keys.length; id++) {
      boolean text = kinds[id] == PieceKind.NORMAL || kinds[id] == PieceKind.USER_DEFINED;
      keys[id] = text ? tokens.get(id).getBytes(StandardCharsets.UTF_8) : new byte[0];
      if (kinds[id] == PieceKind.NORMAL) {
        lowest = Math.min(lowest, scores[id]);
        highest = Math.max(highest, (float) scores[id]);
      }
    }
    for (int id = 0; id < keys.length; id++) {
      if (kinds[id] == PieceKind.USER_DEFINED) {
        this.scores[id] = keys[id].length * highest - 0.1;
      }
    }
    trie = new ByteTrie(keys);
    unknownScore =
        singlePrecision ? (float) lowest - (float) UNKNOWN_PENALTY : lowest - UNKNOWN_PENALTY;
    byteIds = byteFallback ? byteIds() : new int[0];
  }

  private int[] byteIds() {
    java.util.Map<String, Integer> ids = new java.util.HashMap<>();
    for (int id = 0; id < tokens.size(); id++) {
      if (tokens.get(id).length() == 6) {
        ids.put(tokens.get(id), id);
      }
    }
    int[] result = new int[256];
    for (int b = 0; b < 256; b++) {
      result[b] = ids.getOrDefault(String.format("<0x%02X>", b), -1);
    }
    return result;
  }

  public List<String> tokens() {
    return tokens;
  }

  public double score(int id) {
    return scores[id];
  }

  public PieceKind kind(int id) {
    return kinds[id];
  }

  /** The unknown token, or -1. */
  public int unknown() {
    return unknown;
  }

  public boolean byteFallback() {
    return byteFallback;
  }

  ByteTrie trie() {
    return trie;
  }

  double unknownScore() {
    return unknownScore;
  }

  int byteId(int b) {
    return byteIds[b & 0xff];
  }

  boolean singlePrecision() {
    return singlePrecision;
  }

  @Override
  public PieceEncoder newEncoder() {
    return new UnigramEncoder(this);
  }
}
