package jllm.tokenize.text;

import java.util.Arrays;

/**
 * The text that one thread works on: the present text, a spare one to rewrite it into, and the
 * pieces that pre-tokenizers cut it into. Normalizers and pre-tokenizers read the present state,
 * write the spare one and flip. Reused for every text; not thread-safe.
 */
public final class Workspace {

  private TextBuffer text = new TextBuffer();
  private TextBuffer spare = new TextBuffer();
  private TextBuffer parked = new TextBuffer();
  private int[] starts = new int[256];
  private int[] ends = new int[256];
  private int count;
  private int sourceStart;
  private int[] nextStarts = new int[256];
  private int[] nextEnds = new int[256];
  private int nextCount;
  private final CharView chars = new CharView();
  private final Ranges ranges = new Ranges();

  /** Begins with a view of a range that is the whole source. */
  public void wrap(byte[] source, int start, int end) {
    wrap(source, start, end, start);
  }

  /**
   * Begins with a view of a range of the source.
   *
   * @param sourceStart where the whole source begins, of which this is a part
   */
  public void wrap(byte[] source, int start, int end, int sourceStart) {
    text.wrap(source, start, end);
    this.sourceStart = sourceStart;
    count = 0;
  }

  /** The source position at which the whole text begins. */
  public int sourceStart() {
    return sourceStart;
  }

  /** The present text. */
  public TextBuffer text() {
    return text;
  }

  /** A cleared buffer that {@link #flipText} makes the present text. */
  public TextBuffer rewrite() {
    spare.clear();
    return spare;
  }

  /** Makes the rewritten text the present one. */
  public void flipText() {
    TextBuffer t = text;
    text = spare;
    spare = t;
  }

  /**
   * Takes the present text away, so that nothing overwrites it, until the next such call. The
   * workspace must be given a text by {@link #use} before it is used again.
   */
  public TextBuffer takeText() {
    TextBuffer taken = text;
    text = parked;
    parked = taken;
    return taken;
  }

  /** Makes a text that was taken away the present one, read-only. */
  public void use(TextBuffer taken) {
    text.view(taken);
  }

  /** Begins with one piece of the present text. */
  public void onePiece(int start, int end) {
    starts[0] = start;
    ends[0] = end;
    count = end > start ? 1 : 0;
  }

  public int pieces() {
    return count;
  }

  public int pieceStart(int index) {
    return starts[index];
  }

  public int pieceEnd(int index) {
    return ends[index];
  }

  /** Adds a piece to the next state; empty ones are dropped. */
  public void emit(int start, int end) {
    if (start >= end) {
      return;
    }
    int n = nextCount;
    if (n == nextStarts.length) {
      nextStarts = Arrays.copyOf(nextStarts, n * 2);
      nextEnds = Arrays.copyOf(nextEnds, n * 2);
    }
    nextStarts[n] = start;
    nextEnds[n] = end;
    nextCount = n + 1;
  }

  /** Makes the emitted pieces the present ones. */
  public void flipPieces() {
    int[] s = starts;
    int[] e = ends;
    starts = nextStarts;
    ends = nextEnds;
    nextStarts = s;
    nextEnds = e;
    count = nextCount;
    nextCount = 0;
  }

  /** A view of a range of the present text as UTF-16, valid until the next call. */
  public CharView chars(int start, int end) {
    chars.decode(text.bytes(), start, end);
    return chars;
  }

  /** A cleared list of ranges for whoever works on the text now. */
  public Ranges ranges() {
    ranges.clear();
    return ranges;
  }
}
