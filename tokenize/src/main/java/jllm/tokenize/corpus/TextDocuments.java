package jllm.tokenize.corpus;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jllm.tokenize.text.Utf8;

/** Plain text: checks that it is UTF-8, parts of a long document ending between characters. */
final class TextDocuments implements SegmentReader.Handler {
  private final CorpusReader reader;
  private final String origin;
  private final CorpusOptions options;

  /** The beginning of a character whose end comes with the next part. */
  private byte[] tail = {};

  private long lines;

  TextDocuments(CorpusReader reader, String origin, CorpusOptions options) {
    this.reader = reader;
    this.origin = origin;
    this.options = options;
  }

  @Override
  public boolean segment(
      byte[] buffer, int from, int to, boolean first, boolean last, long offset, long number) {
    if (first && last && from == to) {
      return true;
    }
    byte[] text = new byte[tail.length + to - from];
    System.arraycopy(tail, 0, text, 0, tail.length);
    System.arraycopy(buffer, from, text, tail.length, to - from);
    long textOffset = offset - tail.length;
    int end = last ? text.length : completeEnd(text);
    tail = Arrays.copyOfRange(text, end, text.length);
    int bad = Utf8.firstInvalid(text, 0, end);
    if (bad < 0) {
      lines += count(text, end, '\n');
      return reader.emit(end == text.length ? text : Arrays.copyOf(text, end), first, last);
    }
    if (options.replaceInvalid()) {
      lines += count(text, end, '\n');
      byte[] repaired =
          new String(text, 0, end, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
      return reader.emit(repaired, first, last);
    }
    String message =
        String.format(
            "%s: invalid UTF-8 at byte offset %d, line %d (byte 0x%02X)",
            origin, textOffset + bad, lines + 1 + count(text, bad, '\n'), text[bad] & 0xff);
    if (options.skipBroken() && !(first && last)) {
      throw new CorpusException(
          message
              + "; the document is longer than "
              + (CorpusReader.WHOLE_TO_SKIP >> 20)
              + " MiB and cannot be left out whole: convert it to UTF-8, or ask for invalid bytes to"
              + " be replaced");
    }
    reader.broken(message + "; convert the file to UTF-8, or ask for invalid bytes to be replaced");
    lines += count(text, end, '\n');
    return true;
  }

  private static long count(byte[] text, int end, char c) {
    long n = 0;
    for (int i = 0; i < end; i++) {
      if (text[i] == c) {
        n++;
      }
    }
    return n;
  }

  /** The end without the beginning of a character that may be completed by what follows. */
  private static int completeEnd(byte[] text) {
    int end = text.length;
    int lead = end - 1;
    while (lead > 0 && end - lead < 4 && (text[lead] & 0xc0) == 0x80) {
      lead--;
    }
    if (lead < 0 || text[lead] >= 0) {
      return end;
    }
    int n = Utf8.wellFormed(text, lead, end);
    boolean open = n < 0 && -n == end - lead && Utf8.sizeOf(text[lead]) > end - lead;
    return open ? lead : end;
  }
}
