package jllm.tokenize.shard;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The layouts of llm.c's data files: a header of 256 little-endian int32 (magic, version, number of
 * tokens, zeros), then the tokens, little-endian.
 */
public enum ShardFormat {
  /** Magic 20240520, version 1: vocabularies of up to 65,536 ids. */
  UINT16(20240520, 1, 2),
  /** Magic 20240801, version 7: larger vocabularies. */
  UINT32(20240801, 7, 4);

  /** The bytes of a header. */
  public static final int HEADER_BYTES = 256 * Integer.BYTES;

  private final int magic;
  private final int version;
  private final int bytes;

  ShardFormat(int magic, int version, int bytes) {
    this.magic = magic;
    this.version = version;
    this.bytes = bytes;
  }

  /** The smaller layout that holds all ids of a vocabulary. */
  public static ShardFormat of(int vocabularySize) {
    return vocabularySize <= 1 << 16 ? UINT16 : UINT32;
  }

  public int magic() {
    return magic;
  }

  public int version() {
    return version;
  }

  /** The bytes of a token. */
  public int bytesPerToken() {
    return bytes;
  }

  /** A header, ready to be written. */
  ByteBuffer header(int tokens) {
    return ByteBuffer.allocate(HEADER_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0, magic)
        .putInt(4, version)
        .putInt(8, tokens);
  }
}
