package jllm.tokenize.shard;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** The shards of one split, read as one sequence of tokens. Thread-safe until it is closed. */
public final class ShardSet implements AutoCloseable {
  private final List<TokenShard> shards;

  /** The index of the first token of each shard, and the number of all. */
  private final long[] starts;

  private ShardSet(List<TokenShard> shards) {
    this.shards = List.copyOf(shards);
    starts = new long[shards.size() + 1];
    for (int i = 0; i < shards.size(); i++) {
      starts[i + 1] = starts[i] + shards.get(i).size();
    }
  }

  /**
   * The shards of a folder: {@code SPLIT-*.bin} in the order of their names, or {@code SPLIT.bin}.
   *
   * @param path a folder, or a shard by itself
   * @param split {@code train} or {@code val}; not looked at for a file
   * @throws NoSuchFileException if there is none
   */
  public static ShardSet open(Path path, String split) throws IOException {
    if (!Files.isDirectory(path)) {
      return open(List.of(path));
    }
    List<Path> files;
    try (Stream<Path> list = Files.list(path)) {
      files =
          list.filter(
                  file -> {
                    String name = String.valueOf(file.getFileName());
                    return name.equals(split + ".bin")
                        || name.startsWith(split + "-") && name.endsWith(".bin");
                  })
              .sorted()
              .toList();
    }
    if (files.isEmpty()) {
      throw new NoSuchFileException(
          path.toString(), null, "the folder has no " + split + "-*.bin or " + split + ".bin");
    }
    return open(files);
  }

  /** Shards in the given order. */
  public static ShardSet open(List<Path> files) throws IOException {
    List<TokenShard> shards = new ArrayList<>();
    try {
      for (Path file : files) {
        shards.add(TokenShard.open(file));
      }
      return new ShardSet(shards);
    } catch (IOException | RuntimeException e) {
      shards.forEach(TokenShard::close);
      throw e;
    }
  }

  public List<TokenShard> shards() {
    return shards;
  }

  /** The number of tokens. */
  public long size() {
    return starts[shards.size()];
  }

  /** One token. */
  public int get(long index) {
    Objects.checkIndex(index, size());
    int shard = shardOf(index);
    return shards.get(shard).get(index - starts[shard]);
  }

  /** Copies {@code n} tokens from {@code index} on, across shards. */
  public void copy(long index, int[] target, int offset, int n) {
    Objects.checkFromIndexSize(index, n, size());
    int done = 0;
    while (done < n) {
      int shard = shardOf(index + done);
      int here = (int) Math.min(n - done, starts[shard + 1] - index - done);
      shards.get(shard).copy(index + done - starts[shard], target, offset + done, here);
      done += here;
    }
  }

  /** Copies {@code n} tokens from {@code index} on, across shards, as native-endian int32. */
  public void copy(long index, MemorySegment target, long targetIndex, int n) {
    Objects.checkFromIndexSize(index, n, size());
    int done = 0;
    while (done < n) {
      int shard = shardOf(index + done);
      int here = (int) Math.min(n - done, starts[shard + 1] - index - done);
      shards.get(shard).copy(index + done - starts[shard], target, targetIndex + done, here);
      done += here;
    }
  }

  /** The largest id, or -1 if there is no token. */
  public long maxId() {
    return shards.stream().mapToLong(TokenShard::maxId).max().orElse(-1);
  }

  private int shardOf(long index) {
    int shard = 0;
    while (index >= starts[shard + 1]) {
      shard++;
    }
    return shard;
  }

  @Override
  public void close() {
    shards.forEach(TokenShard::close);
  }
}
