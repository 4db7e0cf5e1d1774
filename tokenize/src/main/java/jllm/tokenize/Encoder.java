package jllm.tokenize;

import java.util.Objects;
import jllm.tokenize.model.PieceEncoder;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/**
 * One thread's encoder: holds the caches and scratch of a {@link Tokenizer}, so that encoding
 * allocates nothing per token. Not thread-safe; make one a thread and keep it.
 */
public final class Encoder {

  private final Plan plan;
  private final PieceEncoder pieces;
  private final Workspace workspace = new Workspace();
  private final AddedTokenMatcher.Cursor raw;
  private final AddedTokenMatcher.Cursor normalized;
  private final boolean noRaw;
  private final boolean noNormalized;
  private final Utf8Repair repair = new Utf8Repair();
  private final Utf8Buffer utf8 = new Utf8Buffer();
  private final TokenBuffer scratch = new TokenBuffer();

  Encoder(Plan plan, AddedTokenMatcher raw, AddedTokenMatcher normalized) {
    this.plan = plan;
    this.pieces = plan.model().newEncoder();
    this.raw = raw.new Cursor();
    this.normalized = normalized.new Cursor();
    this.noRaw = raw.isEmpty();
    this.noNormalized = normalized.isEmpty();
  }

  /** A cleared buffer of ids for whoever has the encoder. */
  TokenBuffer scratch() {
    scratch.clear();
    return scratch;
  }

  /** Appends the tokens of a text; their ranges are positions in its UTF-8 form. */
  public void encode(CharSequence text, EncodeOptions options, TokenBuffer out) {
    if (text.length() > Utf8Buffer.LONGEST) {
      byte[] utf8 = Utf8.bytes(text);
      encodeValid(utf8, 0, utf8.length, options, out);
    } else {
      int length = utf8.fill(text);
      encodeValid(utf8.bytes(), 0, length, options, out);
    }
  }

  /**
   * Appends the tokens of a range of UTF-8; their ranges are relative to {@code from}.
   *
   * @throws MalformedTextException if it is not valid UTF-8
   */
  public void encode(byte[] utf8, int from, int to, EncodeOptions options, TokenBuffer out) {
    Objects.checkFromToIndex(from, to, utf8.length);
    int bad = Utf8.firstInvalid(utf8, from, to);
    if (bad >= 0) {
      throw new MalformedTextException(bad - (long) from, utf8[bad]);
    }
    encodeValid(utf8, from, to, options, out);
  }

  /**
   * Appends the tokens of a range that need not be valid UTF-8: each part that is no character is
   * encoded as U+FFFD, whose range is that part.
   */
  public void encodeLenient(byte[] utf8, int from, int to, EncodeOptions options, TokenBuffer out) {
    Objects.checkFromToIndex(from, to, utf8.length);
    if (Utf8.firstInvalid(utf8, from, to) < 0) {
      encodeValid(utf8, from, to, options, out);
      return;
    }
    repair.repair(utf8, from, to);
    int first = out.size();
    encodeValid(repair.bytes(), 0, repair.length(), options, out);
    if (out.hasOffsets()) {
      repair.mapBack(out, first);
    }
  }

  private void encodeValid(byte[] utf8, int from, int to, EncodeOptions options, TokenBuffer out) {
    int first = out.size();
    if (noRaw) {
      segment(utf8, from, to, from, options, out);
    } else {
      raw.begin(utf8, from, to, options.parseSpecial());
      while (raw.next()) {
        segment(utf8, raw.gapStart, raw.start, from, options, out);
        // Nothing is left of a match that the one before took along.
        if (raw.start < raw.stop) {
          out.add(Objects.requireNonNull(raw.token).id(), raw.start, raw.stop);
        }
      }
      segment(utf8, raw.stop, to, from, options, out);
      raw.release();
    }
    if (from != 0 && out.hasOffsets()) {
      for (int i = first; i < out.size(); i++) {
        out.setRange(i, out.start(i) - from, out.end(i) - from);
      }
    }
    plan.postProcessor().process(out, first, utf8, from, to, options.addSpecial());
  }

  /** Text without any token that is matched as it came. */
  private void segment(
      byte[] utf8, int from, int to, int begin, EncodeOptions options, TokenBuffer out) {
    if (from >= to) {
      return;
    }
    workspace.wrap(utf8, from, to, begin);
    if (plan.normalizer() != null) {
      plan.normalizer().normalize(workspace);
    }
    TextBuffer text = workspace.text();
    if (noNormalized) {
      subSegment(text.start(), text.end(), out);
      return;
    }
    // Cutting may rewrite the workspace, so each part is cut from a text that stays.
    normalizedSegments(options, out);
  }

  private void normalizedSegments(EncodeOptions options, TokenBuffer out) {
    TextBuffer text = workspace.takeText();
    normalized.begin(text.bytes(), text.start(), text.end(), options.parseSpecial());
    while (normalized.next()) {
      workspace.use(text);
      if (normalized.gapStart < normalized.start) {
        subSegment(normalized.gapStart, normalized.start, out);
      }
      if (normalized.start < normalized.stop) {
        out.add(
            Objects.requireNonNull(normalized.token).id(),
            text.from(normalized.start),
            text.to(normalized.stop - 1));
      }
    }
    if (normalized.stop < text.end()) {
      workspace.use(text);
      subSegment(normalized.stop, text.end(), out);
    }
    normalized.release();
  }

  /** Normalized text without any added token. */
  private void subSegment(int from, int to, TokenBuffer out) {
    int first = out.size();
    workspace.onePiece(from, to);
    if (plan.preTokenizer() != null) {
      plan.preTokenizer().split(workspace);
    }
    TextBuffer text = workspace.text();
    byte[] bytes = text.bytes();
    int n = workspace.pieces();
    for (int i = 0; i < n; i++) {
      pieces.encode(bytes, workspace.pieceStart(i), workspace.pieceEnd(i), out);
    }
    if (out.hasOffsets() && !text.isView()) {
      for (int i = first; i < out.size(); i++) {
        int start = out.start(i);
        int end = out.end(i);
        out.setRange(
            i,
            start < text.end() ? text.from(start) : text.to(text.end() - 1),
            end > start ? text.to(end - 1) : text.from(Math.min(start, text.end() - 1)));
      }
    }
  }
}
