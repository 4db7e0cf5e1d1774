package jllm.tokenize.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jllm.tokenize.corpus.Batch;
import jllm.tokenize.corpus.CutRule;

/**
 * Up to 2 MiB of the text that went by, to check and measure a vocabulary on: all of a small
 * corpus, pieces at equal distances of a larger one, its beginning where its size is not known.
 */
final class TextSample {
  private static final int BYTES = 1 << 21;
  private static final int PIECES = 128;

  private final long distance;
  private final List<byte[]> texts = new ArrayList<>();
  private int bytes;
  private long next;

  /**
   * @param corpusSize bytes on disk, or -1
   */
  TextSample(long corpusSize) {
    distance = corpusSize <= BYTES ? 0 : corpusSize / PIECES;
  }

  void offer(Batch batch) {
    if (batch.position() < next || bytes >= BYTES) {
      return;
    }
    next = distance == 0 ? 0 : (batch.position() / distance + 1) * distance;
    int room = Math.min(BYTES - bytes, distance == 0 ? BYTES : BYTES / PIECES);
    for (int i = 0; i < batch.count() && room > 0; i++) {
      int from = batch.start(i);
      int to = batch.ends()[i];
      if (to - from > room) {
        to = cut(batch.text(), from, from + room);
      }
      if (to > from) {
        texts.add(Arrays.copyOfRange(batch.text(), from, to));
        room -= to - from;
        bytes += to - from;
      }
    }
  }

  List<byte[]> texts() {
    return texts;
  }

  private static int cut(byte[] text, int from, int to) {
    int end = to;
    while (end > from && (text[end] & 0xc0) == 0x80) {
      end--;
    }
    int cut = CutRule.WORDS.last(text, from, end);
    return cut < 0 ? end : cut;
  }
}
