package jllm.tokenize.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jllm.tokenize.corpus.Batch;
import jllm.tokenize.corpus.CutRule;

/**
 * Up to 2 MiB of the text that went by, to check and measure a vocabulary on: all of a small
 * corpus, pieces at about equal distances of a larger one. How much will come need not be known:
 * when there are too many pieces, every other one is let go, and of what follows fewer are taken.
 */
final class TextSample {
  private static final int PIECE_BYTES = 1 << 14;
  private static final int PIECES = 128;

  /** Consecutive texts, the first beginning at a multiple of the distance between pieces. */
  private record Piece(long index, List<byte[]> texts) {}

  private final List<Piece> pieces = new ArrayList<>();
  private long distance = 1;
  private long index;

  // What of the piece under way is still missing, and where it is kept, if it is.
  private int room = PIECE_BYTES;
  private List<byte[]> open = begin(0);

  private List<byte[]> begin(long at) {
    List<byte[]> texts = new ArrayList<>();
    pieces.add(new Piece(at, texts));
    return texts;
  }

  void offer(Batch batch) {
    for (int i = 0; i < batch.count(); i++) {
      int from = batch.start(i);
      int end = batch.ends()[i];
      while (from < end) {
        boolean fits = end - from <= room;
        int to = fits ? end : cut(batch.text(), from, from + room, end);
        if (index % distance == 0) {
          open.add(Arrays.copyOfRange(batch.text(), from, to));
        }
        room -= to - from;
        from = to;
        if (!fits || room <= 0) {
          next();
        }
      }
    }
  }

  private void next() {
    room = PIECE_BYTES;
    index++;
    if (index % distance == 0) {
      if (pieces.size() == PIECES) {
        distance *= 2;
        pieces.removeIf(piece -> piece.index() % distance != 0);
      }
      if (index % distance == 0) {
        open = begin(index);
      }
    }
  }

  List<byte[]> texts() {
    return pieces.stream().flatMap(piece -> piece.texts().stream()).toList();
  }

  /** A place to cut near {@code to}, after {@code from} and between characters. */
  private static int cut(byte[] text, int from, int to, int limit) {
    int end = to;
    while (end > from && (text[end] & 0xc0) == 0x80) {
      end--;
    }
    if (end == from) { // less room than the first character takes
      end = from + 1;
      while (end < limit && (text[end] & 0xc0) == 0x80) {
        end++;
      }
      return end;
    }
    int cut = CutRule.WORDS.last(text, Math.max(from, end - 256), end);
    return cut < 0 ? end : cut;
  }
}
