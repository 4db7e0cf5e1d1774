package jllm.tokenize.corpus;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * What a decompressor or an archive gives. Whatever goes wrong in it (these libraries throw more
 * than IOException on damaged input) is told with the name of the file and member.
 */
final class UnpackedStream extends FilterInputStream {
  private final String origin;
  private final String format;

  UnpackedStream(InputStream in, String origin, String format) {
    super(in);
    this.origin = origin;
    this.format = format;
  }

  static CorpusException damaged(String origin, String format, Exception e) {
    String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return new CorpusException(origin + ": damaged or not readable as " + format + ": " + why, e);
  }

  @Override
  public int read() {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] b, int off, int len) {
    try {
      return in.read(b, off, len);
    } catch (CorpusException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw damaged(origin, format, e);
    }
  }

  @Override
  public boolean markSupported() {
    return false;
  }
}
