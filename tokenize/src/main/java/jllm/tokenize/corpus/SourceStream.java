package jllm.tokenize.corpus;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** A file as it lies on disk: counts its bytes and hashes them where asked. */
final class SourceStream extends FilterInputStream {
  private final @Nullable MessageDigest digest;
  private long count;
  private boolean ended;

  SourceStream(InputStream in, boolean hash) {
    super(in);
    this.digest = hash ? sha256() : null;
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  long count() {
    return count;
  }

  /** Reads what a decompressor left, so that the hash is the whole file's. */
  void drain() throws IOException {
    byte[] rest = new byte[1 << 16];
    while (read(rest, 0, rest.length) >= 0) {}
  }

  /** The hash, or null if it was not asked for or the end was not reached. */
  @Nullable String hash() {
    return digest == null || !ended ? null : HexFormat.of().formatHex(digest.digest());
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] b, int off, int len) throws IOException {
    int n = in.read(b, off, len);
    if (n < 0) {
      ended = true;
      return n;
    }
    count += n;
    if (digest != null) {
      digest.update(b, off, n);
    }
    return n;
  }

  @Override
  public long skip(long n) throws IOException {
    byte[] skipped = new byte[(int) Math.min(n, 1 << 16)];
    return n <= 0 ? 0 : Math.max(0, read(skipped, 0, skipped.length));
  }

  @Override
  public boolean markSupported() {
    return false;
  }
}
