package jllm.tokenize.shard;

import org.jspecify.annotations.Nullable;

/**
 * How a corpus becomes shards.
 *
 * @param separator the id in front of every document, or -1 for none
 * @param shardTokens the most tokens of a file
 * @param valFraction the share that goes to {@code val-*.bin}, at least 0 and below 1
 * @param seed decides what goes there
 * @param parseSpecial whether the text of a special token becomes that token
 * @param threads that encode
 * @param force whether shards that lie in the folder are replaced
 * @param format of the files, or null: the smaller one that holds all ids
 */
public record ShardOptions(
    int separator,
    int shardTokens,
    double valFraction,
    long seed,
    boolean parseSpecial,
    int threads,
    boolean force,
    @Nullable ShardFormat format) {

  /** The usual size of a shard, llm.c's. */
  public static final int SHARD_TOKENS = 100_000_000;

  /** The most tokens of a file that can be mapped. */
  public static final int MAX_SHARD_TOKENS = Integer.MAX_VALUE / 4 - ShardFormat.HEADER_BYTES;

  public ShardOptions {
    if (shardTokens < 1 || shardTokens > MAX_SHARD_TOKENS) {
      throw new IllegalArgumentException(
          "a shard of " + shardTokens + " tokens; expected 1 to " + MAX_SHARD_TOKENS);
    }
    if (!(valFraction >= 0 && valFraction < 1)) {
      throw new IllegalArgumentException(
          "a validation fraction of " + valFraction + "; expected at least 0 and below 1");
    }
    if (threads < 1) {
      throw new IllegalArgumentException(threads + " threads; expected at least 1");
    }
  }

  /** All cores, no validation split, nothing replaced. */
  public static ShardOptions of(int separator) {
    return new ShardOptions(
        separator,
        SHARD_TOKENS,
        0,
        0,
        false,
        Runtime.getRuntime().availableProcessors(),
        false,
        null);
  }

  public ShardOptions withShardTokens(int value) {
    return new ShardOptions(
        separator, value, valFraction, seed, parseSpecial, threads, force, format);
  }

  public ShardOptions withVal(double fraction, long valSeed) {
    return new ShardOptions(
        separator, shardTokens, fraction, valSeed, parseSpecial, threads, force, format);
  }

  public ShardOptions withParseSpecial(boolean value) {
    return new ShardOptions(
        separator, shardTokens, valFraction, seed, value, threads, force, format);
  }

  public ShardOptions withThreads(int value) {
    return new ShardOptions(
        separator, shardTokens, valFraction, seed, parseSpecial, value, force, format);
  }

  public ShardOptions withForce(boolean value) {
    return new ShardOptions(
        separator, shardTokens, valFraction, seed, parseSpecial, threads, value, format);
  }

  /** With files of that layout. */
  public ShardOptions withFormat(ShardFormat value) {
    return new ShardOptions(
        separator, shardTokens, valFraction, seed, parseSpecial, threads, force, value);
  }
}
