package jllm.tokenize;

/** A text that is not valid UTF-8 where only valid UTF-8 is accepted. */
public final class MalformedTextException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final long offset;

  /**
   * @param offset of the first byte that belongs to no character
   * @param found that byte
   */
  public MalformedTextException(long offset, byte found) {
    super(
        String.format(
            "invalid UTF-8 at byte offset %d (byte 0x%02X); convert the text to UTF-8, or ask for"
                + " invalid bytes to be replaced",
            offset, found & 0xff));
    this.offset = offset;
  }

  /** The offset of the first byte that belongs to no character. */
  public long offset() {
    return offset;
  }
}
