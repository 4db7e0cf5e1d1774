package jllm.tokenize.shard;

/** A token shard that is damaged or of an unknown kind. The message names the file. */
public final class ShardFormatException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public ShardFormatException(String message) {
    super(message);
  }
}
