package jllm.tokenize.model;

import jllm.tokenize.TokenBuffer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.text.Utf8;

/** The encoder of {@link Unigram}: Viterbi's algorithm over the positions of a piece. */
final class UnigramEncoder implements PieceEncoder {

  private final Unigram model;
  private final ByteTrie trie;
  private double[] best = new double[256];
  private int[] bestStart = new int[256];
  private int[] bestId = new int[256];
  private int[] path = new int[256];

  UnigramEncoder(Unigram model) {
    this.model = model;
    this.trie = model.trie();
  }

  @Override
  public void encode(byte[] text, int start, int end, TokenBuffer out) {
    int n = end - start;
    reserve(n + 1);
    for (int i = 1; i <= n; i++) {
      bestStart[i] = -1;
    }
    best[0] = 0;
    for (int i = 0; i < n; i += Utf8.sizeOf(text[start + i])) {
      extend(text, start, i, n);
    }
    emit(text, start, n, out);
  }

  /** Tries every token that begins at a position. */
  private void extend(byte[] text, int start, int i, int n) {
    int size = Utf8.sizeOf(text[start + i]);
    boolean single = false;
    int node = 0;
    for (int k = i; k < n; k++) {
      node = trie.step(node, text[start + k]);
      if (node < 0) {
        break;
      }
      int id = trie.value(node);
      if (id >= 0) {
        offer(i, k + 1, id, model.score(id));
        single |= k + 1 - i == size;
      }
    }
    if (!single) {
      offer(i, i + size, -1, model.unknownScore());
    }
  }

  private void offer(int from, int to, int id, double score) {
    double sum = best[from] + score;
    if (bestStart[to] < 0 || sum > best[to]) {
      best[to] = model.singlePrecision() ? (float) sum : sum;
      bestStart[to] = from;
      bestId[to] = id;
    }
  }

  private void emit(byte[] text, int start, int n, TokenBuffer out) {
    int count = 0;
    for (int at = n; at > 0; at = bestStart[at]) {
      path[count++] = at;
    }
    int k = count - 1;
    while (k >= 0) {
      int from = bestStart[path[k]];
      int to = path[k];
      int id = bestId[to];
      k--;
      if (id >= 0 && id != model.unknown()) {
        out.add(id, start + from, start + to);
        continue;
      }
      // Neighbouring unknown characters are one token.
      while (k >= 0 && (bestId[path[k]] < 0 || bestId[path[k]] == model.unknown())) {
        to = path[k--];
      }
      unknown(text, start + from, start + to, out);
    }
  }

  private void unknown(byte[] text, int from, int to, TokenBuffer out) {
    if (!model.singlePrecision()) {
      // Hugging Face's library looks the text up again: the unknown token may be spelled so.
      int id = find(text, from, to);
      if (id >= 0) {
        out.add(id, from, to);
        return;
      }
    }
    if (model.byteFallback()) {
      boolean all = true;
      for (int i = from; i < to; i++) {
        all &= model.byteId(text[i]) >= 0;
      }
      if (all) {
        // Hugging Face's library lets each byte stand for all of the unknown text.
        boolean whole = !model.singlePrecision();
        for (int i = from; i < to; i++) {
          out.add(model.byteId(text[i]), whole ? from : i, whole ? to : i + 1);
        }
        return;
      }
    }
    if (model.unknown() < 0) {
      throw new TokenizerFormatException(
          "the text has a character that is not in the vocabulary, and the vocabulary has no"
              + " unknown token (unk_id)");
    }
    out.add(model.unknown(), from, to);
  }

  private int find(byte[] text, int from, int to) {
    int node = 0;
    for (int i = from; i < to && node >= 0; i++) {
      node = trie.step(node, text[i]);
    }
    return node < 0 ? -1 : trie.value(node);
  }

  private void reserve(int n) {
    if (n > best.length) {
      int capacity = Math.max(n, best.length * 2);
      best = new double[capacity];
      bestStart = new int[capacity];
      bestId = new int[capacity];
      path = new int[capacity];
    }
  }
}
