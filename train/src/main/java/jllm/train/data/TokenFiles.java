package jllm.train.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusOptions;
import jllm.tokenize.shard.ShardFormat;
import jllm.tokenize.shard.ShardListener;
import jllm.tokenize.shard.ShardOptions;
import jllm.tokenize.shard.ShardSet;
import jllm.tokenize.shard.Sharder;
import jllm.tokenize.shard.TokenShard;
import jllm.train.DataException;
import jllm.train.SettingsException;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of one path: shards as they are, or text, encoded into shards for the time of a run.
 */
final class TokenFiles implements AutoCloseable {
  /** Beyond so many tokens not all are looked at before a run; batches are checked in any case. */
  private static final long CHECKED = 100_000_000;

  private final Tokens.Range tokens;
  private final ShardSet shards;
  private final @Nullable Path temporary;

  private TokenFiles(String name, ShardSet shards, @Nullable Path temporary) {
    this.tokens = Tokens.Range.all(name, shards);
    this.shards = shards;
    this.temporary = temporary;
  }

  /**
   * Opens a path.
   *
   * @param split of a folder of shards
   */
  static TokenFiles open(
      Path path, String split, @Nullable Tokenizer tokenizer, ShardListener listener)
      throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such file or folder");
    }
    if (isShard(path) || hasShards(path, split)) {
      return checked(new TokenFiles(path.toString(), ShardSet.open(path, split), null));
    }
    if (tokenizer == null) {
      throw new SettingsException(
          path + " is no shard of tokens; to train on text, name a tokenizer");
    }
    return checked(encode(path, tokenizer, listener));
  }

  private static TokenFiles checked(TokenFiles files) {
    if (files.shards.size() == 0) {
      files.close();
      throw new DataException(files.tokens.name() + " holds no tokens");
    }
    return files;
  }

  /** Whether a folder has shards of a split. */
  static boolean hasShards(Path path, String split) throws IOException {
    if (!Files.isDirectory(path)) {
      return false;
    }
    try (Stream<Path> files = Files.list(path)) {
      return files
          .map(file -> String.valueOf(file.getFileName()))
          .anyMatch(name ->
              name.equals(split + ".bin") || name.startsWith(split + "-") && name.endsWith(".bin"));
    }
  }

  /** Whether a path is a shard, or a folder of shards. */
  static boolean isTokens(Path path) throws IOException {
    return isShard(path) || hasShards(path, "train") || hasShards(path, "val");
  }

  /** A shard is known by its name, or by the number that it begins with. */
  private static boolean isShard(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      return false;
    }
    if (path.toString().endsWith(".bin")) {
      return true;
    }
    try (InputStream in = Files.newInputStream(path)) {
      byte[] head = in.readNBytes(Integer.BYTES);
      if (head.length < Integer.BYTES) {
        return false;
      }
      int magic = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getInt();
      return magic == ShardFormat.UINT16.magic() || magic == ShardFormat.UINT32.magic();
    }
  }

  private static TokenFiles encode(Path path, Tokenizer tokenizer, ShardListener listener)
      throws IOException {
    Path folder = Files.createTempDirectory("jllm-tokens-");
    boolean encoded = false;
    try {
      ShardOptions options = ShardOptions.of(Sharder.usualSeparator(tokenizer));
      new Sharder(tokenizer, options, listener)
          .write(Corpus.of(List.of(path), CorpusOptions.DEFAULT), folder, null);
      TokenFiles files = new TokenFiles(path.toString(), ShardSet.open(folder, "train"), folder);
      encoded = true;
      return files;
    } finally {
      if (!encoded) {
        delete(folder);
      }
    }
  }

  Tokens.Range tokens() {
    return tokens;
  }

  /**
   * Checks the first tokens against a vocabulary.
   *
   * @throws DataException if one is not in it
   */
  void checkIds(int vocabulary) {
    long left = CHECKED;
    for (TokenShard shard : shards.shards()) {
      if (shard.size() > left) {
        return;
      }
      left -= shard.size();
      long max = shard.maxId();
      if (max >= vocabulary) {
        throw new DataException(
            ("%s has token %d, but the model has a vocabulary of %d; tokens and model do not belong"
                    + " together")
                .formatted(tokens.name(), max, vocabulary));
      }
    }
  }

  @Override
  public void close() {
    shards.close();
    if (temporary != null) {
      delete(temporary);
    }
  }

  /** What cannot be deleted, the system clears away with its other temporary files. */
  private static void delete(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException _) {
      return;
    }
    try {
      Files.deleteIfExists(folder);
    } catch (IOException _) {
      folder.toFile().deleteOnExit();
    }
  }
}
