package jllm.cli;

import jllm.tokenize.Tokenizer;
import jllm.tokenize.shard.ShardFormat;
import jllm.tokenize.shard.ShardOptions;
import jllm.tokenize.shard.Sharder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How token shards are written. */
final class ShardCommandOptions {

  /** The size of a stored token. */
  enum TokenType {
    AUTO,
    UINT16,
    UINT32
  }

  @Option(
      names = "--document-separator",
      paramLabel = "TOKEN",
      description =
          "Shards: the token before each document, by its id or text, or none. Default: the tokenizer's end"
              + " of sequence, such as <|endoftext|>.")
  private @Nullable String separator;

  @Option(
      names = "--val-fraction",
      paramLabel = "X",
      defaultValue = "0",
      description =
          "Shards: the share of the documents that goes to val-*.bin, at least 0 and below 1. Default:"
              + " ${DEFAULT-VALUE}.")
  private double valFraction;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Shards: decides which documents these are. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--shard-tokens",
      paramLabel = "N",
      defaultValue = "" + ShardOptions.SHARD_TOKENS,
      description = "Shards: the most tokens of a file. Default: ${DEFAULT-VALUE}.")
  private int shardTokens;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "auto",
      description =
          "Shards: uint16, uint32, or auto: uint16 for vocabularies of up to 65536 ids. Default:"
              + " ${DEFAULT-VALUE}.")
  private TokenType type = TokenType.AUTO;

  @Option(names = "--force", description = "Shards: replace those that lie in the folder.")
  private boolean force;

  /** Checks what can be checked without a tokenizer. */
  void check() {
    if (!(valFraction >= 0 && valFraction < 1)) {
      throw new UsageException(
          "--val-fraction is " + valFraction + ", expected 0 or more, below 1");
    }
    Range.check("--shard-tokens", shardTokens, 1, ShardOptions.MAX_SHARD_TOKENS);
  }

  /** The options for a tokenizer. */
  ShardOptions options(Tokenizer tokenizer, boolean parseSpecial, int threads) {
    ShardOptions options =
        ShardOptions.of(separator(tokenizer))
            .withShardTokens(shardTokens)
            .withVal(valFraction, seed)
            .withParseSpecial(parseSpecial)
            .withThreads(threads)
            .withForce(force);
    return switch (type) {
      case AUTO -> options;
      case UINT32 -> options.withFormat(ShardFormat.UINT32);
      case UINT16 -> {
        int size = tokenizer.vocabulary().size();
        if (ShardFormat.of(size) != ShardFormat.UINT16) {
          throw new UsageException(
              "--dtype uint16 holds ids up to 65535, but " + tokenizer.name() + " has " + size);
        }
        yield options.withFormat(ShardFormat.UINT16);
      }
    };
  }

  private int separator(Tokenizer tokenizer) {
    if (separator == null) {
      int usual = Sharder.usualSeparator(tokenizer);
      if (usual < 0) {
        throw new UsageException(
            tokenizer.name()
                + " has no token for the end of a text; name one with --document-separator, or none");
      }
      return usual;
    }
    if (separator.equals("none")) {
      return -1;
    }
    boolean number = separator.matches("[0-9]{1,9}");
    int id = number ? Integer.parseInt(separator) : tokenizer.vocabulary().id(separator);
    id = tokenizer.vocabulary().has(id) ? id : -1;
    if (id < 0) {
      throw new UsageException(
          "--document-separator is '"
              + separator
              + "', which is neither a token of "
              + tokenizer.name()
              + " nor one of its ids, nor none");
    }
    return id;
  }
}
