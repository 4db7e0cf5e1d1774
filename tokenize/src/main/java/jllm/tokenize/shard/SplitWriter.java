package jllm.tokenize.shard;

import java.io.IOException;

/**
 * Divides documents between training and validation. A document goes to one of them whole; one of
 * more than {@link #WHOLE} tokens is divided in blocks of {@link #BLOCK}, so that a corpus of a
 * single text has a validation split too. What lies together begins with the separator.
 */
final class SplitWriter {
  /** The most tokens of a document that is not divided. */
  static final int WHOLE = 65_536;

  /** The tokens that go one way together when a document is divided. */
  static final int BLOCK = 8_192;

  private final ShardWriter train;
  private final ShardWriter val;
  private final ValSelector selector;
  private final int separator;

  // The document under way, up to the size at which it is known to be long.
  private int[] pending = new int[WHOLE + 1];
  private int pendingSize;

  // A long document under way: where its last block went, and what is left of the present one.
  private boolean isLong;
  private boolean inVal;
  private int blockLeft;

  SplitWriter(ShardWriter train, ShardWriter val, ShardOptions options) {
    this.train = train;
    this.val = val;
    this.selector = new ValSelector(options.valFraction(), options.seed());
    this.separator = options.separator();
  }

  /** Adds tokens of the document under way, and ends it if they are its last. */
  void write(int[] ids, int from, int to, boolean last) throws IOException {
    int at = from;
    if (!isLong) {
      int room = Math.min(to - from, pending.length - pendingSize);
      System.arraycopy(ids, from, pending, pendingSize, room);
      pendingSize += room;
      at += room;
      if (pendingSize > WHOLE) {
        isLong = true;
        blockLeft = 0;
        writeBlocks(pending, 0, pendingSize, true);
        pendingSize = 0;
      }
    }
    if (isLong) {
      writeBlocks(ids, at, to, false);
    }
    if (last) {
      if (!isLong && pendingSize > 0) {
        ShardWriter target = selector.next() ? val : train;
        begin(target);
        target.write(pending, 0, pendingSize);
      }
      pendingSize = 0;
      isLong = false;
    }
  }

  private void writeBlocks(int[] ids, int from, int to, boolean first) throws IOException {
    int at = from;
    boolean fresh = first;
    while (at < to) {
      if (blockLeft == 0) {
        boolean wasInVal = inVal;
        inVal = selector.next();
        blockLeft = BLOCK;
        if (fresh || inVal != wasInVal) {
          begin(inVal ? val : train);
          fresh = false;
        }
      }
      int n = Math.min(blockLeft, to - at);
      (inVal ? val : train).write(ids, at, at + n);
      at += n;
      blockLeft -= n;
    }
  }

  private void begin(ShardWriter target) throws IOException {
    if (separator >= 0) {
      target.write(separator);
    }
  }
}
