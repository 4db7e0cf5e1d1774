package jllm.tokenize.train;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Learns merges from counted words: the most frequent pair of neighbouring tokens becomes a token,
 * among equals the smaller pair of ids, left before right (Sennrich et al. 2016, arXiv 1508.07909,
 * with the tie rule, minimum frequency and token length of Hugging Face's trainer).
 *
 * <p>A heap with lazy updates gives the next pair and the places of a pair are kept, so a merge
 * costs what it changes and the whole is linear in the text of the distinct words.
 */
final class BpeMerger {
  /** Ends each word. */
  private static final int WORD_END = -1;

  /** Where a token started that has been merged with the one to its left. */
  private static final int INNER = -2;

  private final WordCounts words;
  private final long floor;
  private final int maxLength;
  private final Merges.Builder vocabulary;
  private final PairTable pairs = new PairTable();

  // One cell a byte of the distinct words, with WORD_END around each. The first and the last cell
  // of a token hold its id; what lies between means nothing.
  private final int[] cells;
  private final int[] wordOf;
  private int[] lengths;

  // What the merge under way changes, by the neighbour on either side.
  private Side left;
  private Side right;

  /**
   * @param minFrequency pairs below it are not merged
   * @param maxLength a token made of merged tokens stays below this many bytes, 0 for no limit; as
   *     with Hugging Face two single bytes may always be merged
   */
  BpeMerger(WordCounts words, List<String> specialTokens, long minFrequency, int maxLength) {
    this.words = words;
    this.floor = Math.max(1, minFrequency);
    this.maxLength = maxLength == 0 ? Integer.MAX_VALUE : maxLength;
    this.vocabulary = new Merges.Builder(specialTokens);
    long size = 1;
    for (int w = 0; w < words.size(); w++) {
      if (words.length(w) > 1) {
        size += words.length(w) + 1L;
      }
    }
    if (size > Integer.MAX_VALUE - 16) {
      throw new WordLimitException(
          "the distinct words have " + size + " bytes, more than 2^31; lower the cap on words");
    }
    cells = new int[(int) size];
    wordOf = new int[(int) size];
    lengths = new int[Math.max(1024, vocabulary.vocabularySize())];
    left = new Side(lengths.length);
    right = new Side(lengths.length);
  }

  /**
   * Merges until the vocabulary has {@code vocabSize} tokens or no pair is left.
   *
   * @param progress is told the size of the vocabulary now and then, and may throw to cancel
   */
  Merges merge(int vocabSize, IntConsumer progress) {
    layOutWords();
    countBytePairs();
    progress.accept(vocabulary.vocabularySize());
    PairQueue queue = pairs.queue;
    while (vocabulary.vocabularySize() < vocabSize && queue.size() > 0) {
      int slot = queue.topSlot();
      long count = pairs.count(slot);
      if (count != queue.topCount()) {
        if (count == 0) {
          queue.pop();
        } else {
          queue.lowerTop(count);
        }
        continue;
      }
      queue.pop();
      mergePair(slot);
      if ((vocabulary.merges() & 63) == 0) {
        progress.accept(vocabulary.vocabularySize());
      }
    }
    return vocabulary.build();
  }

  private void layOutWords() {
    int cell = 0;
    cells[cell++] = WORD_END;
    byte[] text = words.text();
    for (int w = 0; w < words.size(); w++) {
      int length = words.length(w);
      if (length < 2) {
        continue;
      }
      int start = words.start(w);
      for (int i = 0; i < length; i++) {
        cells[cell] = vocabulary.byteId(text[start + i]);
        wordOf[cell++] = w;
      }
      cells[cell++] = WORD_END;
    }
    for (int b = 0; b < 256; b++) {
      lengths[vocabulary.byteId(b)] = 1;
    }
  }

  /** Counts all pairs of bytes, then lays out their places. */
  private void countBytePairs() {
    int ids = vocabulary.vocabularySize();
    long[] counts = new long[65536];
    int[] ends = new int[65536];
    int[] rank = new int[ids];
    for (int b = 0; b < 256; b++) {
      rank[vocabulary.byteId(b)] = b;
    }
    for (int i = 1; i + 1 < cells.length; i++) {
      if (cells[i] >= 0 && cells[i + 1] >= 0) {
        int pair = rank[cells[i]] << 8 | rank[cells[i + 1]];
        counts[pair] += words.count(wordOf[i]);
        ends[pair]++;
      }
    }
    int total = 0;
    for (int pair = 0; pair < ends.length; pair++) {
      int n = counts[pair] >= floor ? ends[pair] : 0;
      ends[pair] = total;
      total += n;
    }
    int[] places = new int[total];
    for (int i = 1; i + 1 < cells.length; i++) {
      if (cells[i] >= 0 && cells[i + 1] >= 0) {
        int pair = rank[cells[i]] << 8 | rank[cells[i + 1]];
        if (counts[pair] >= floor) {
          places[ends[pair]++] = i;
        }
      }
    }
    pairs.newBatch(places);
    int start = 0;
    for (int pair = 0; pair < ends.length; pair++) {
      if (counts[pair] >= floor) {
        int a = vocabulary.byteId(pair >> 8);
        int b = vocabulary.byteId(pair & 0xff);
        pairs.add(PairTable.key(a, b), counts[pair], start, ends[pair] - start);
        start = ends[pair];
      }
    }
  }

  private void mergePair(int slot) {
    int a = (int) (pairs.key(slot) >>> 32);
    int b = (int) pairs.key(slot);
    int merged = vocabulary.add(a, b);
    int lengthA = lengths[a];
    int length = lengthA + lengths[b];
    growTo(merged + 1);
    lengths[merged] = length;
    int[] places = pairs.places(slot);
    int from = pairs.placesStart(slot);
    int to = pairs.placesEnd(slot);
    for (int i = from; i < to; i++) {
      int at = places[i];
      if (cells[at] == a && cells[at + lengthA] == b) {
        replace(at, merged, lengthA, length);
      }
    }
    pairs.remove(slot);
    lowerCounts(a, b, merged);
    addNewPairs(merged);
    left.clear();
    right.clear();
  }

  /** Puts the merged token at a place and notes how its neighbours' pairs change. */
  private void replace(int at, int merged, int lengthA, int length) {
    long count = words.count(wordOf[at]);
    int before = cells[at - 1];
    if (before >= 0) {
      boolean joins = lengths[before] + (long) length < maxLength;
      left.note(before, count, joins ? at - lengths[before] : -1);
    }
    int after = cells[at + length];
    if (after >= 0) {
      boolean joins = lengths[after] + (long) length < maxLength;
      right.note(after, count, joins ? at : -1);
    }
    cells[at + lengthA] = INNER;
    cells[at] = merged;
    cells[at + length - 1] = merged;
  }

  /** Takes the occurrences that were merged away from the pairs with the neighbours. */
  private void lowerCounts(int a, int b, int merged) {
    for (int i = 0; i < right.touchedCount; i++) {
      int t = right.touched[i];
      lower(PairTable.key(b, t), right.count(t));
    }
    for (int i = 0; i < left.touchedCount; i++) {
      int t = left.touched[i];
      if (t != merged) {
        lower(PairTable.key(t, a), left.count(t));
      }
    }
    // Two merges side by side: the pair (merged, a) that the first one made is gone again.
    if (left.count(merged) > 0) {
      right.lower(a, left.count(merged));
    }
  }

  private void lower(long key, long by) {
    int slot = pairs.find(key);
    if (slot >= 0) {
      pairs.lower(slot, by, floor);
    }
  }

  private void addNewPairs(int merged) {
    int total = left.layOut(floor, 0);
    total = right.layOut(floor, total);
    if (total == 0) {
      return;
    }
    int[] places = new int[total];
    left.fill(places);
    right.fill(places);
    pairs.newBatch(places);
    left.addTo(pairs, merged, true);
    right.addTo(pairs, merged, false);
  }

  private void growTo(int ids) {
    if (ids > lengths.length) {
      int capacity = Math.max(ids, 2 * lengths.length);
      lengths = Arrays.copyOf(lengths, capacity);
      left.growTo(capacity);
      right.growTo(capacity);
    }
  }
}
