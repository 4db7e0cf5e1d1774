package jllm.train.data;

import java.util.List;
import jllm.tokenize.shard.ShardSet;
import jllm.train.DataException;

/** Tokens that lie one after the other. */
sealed interface Tokens {

  /** What to call them in messages. */
  String name();

  /** The number of tokens. */
  long size();

  /**
   * Copies tokens.
   *
   * @throws DataException if one is no token of a vocabulary of that size
   */
  void copy(long index, int[] target, int offset, int count, int vocabulary);

  /**
   * A part of some shards.
   *
   * @param from first token
   */
  record Range(String name, ShardSet shards, long from, long size) implements Tokens {

    static Range all(String name, ShardSet shards) {
      return new Range(name, shards, 0, shards.size());
    }

    Range part(long start, long count) {
      return new Range(name, shards, from + start, count);
    }

    @Override
    public void copy(long index, int[] target, int offset, int count, int vocabulary) {
      shards.copy(from + index, target, offset, count);
      for (int i = offset; i < offset + count; i++) {
        if (target[i] < 0 || target[i] >= vocabulary) {
          throw new DataException(
              ("%s: token %d is %s, but the model has a vocabulary of %d; tokens and model do not"
                      + " belong together")
                  .formatted(
                      name,
                      from + index + i - offset,
                      Integer.toUnsignedString(target[i]),
                      vocabulary));
        }
      }
    }
  }

  /** Several, seen as one. */
  record Joined(List<? extends Tokens> parts) implements Tokens {
    public Joined {
      parts = List.copyOf(parts);
    }

    @Override
    public String name() {
      return String.join(", ", parts.stream().map(Tokens::name).toList());
    }

    @Override
    public long size() {
      long size = 0;
      for (Tokens part : parts) {
        size += part.size();
      }
      return size;
    }

    @Override
    public void copy(long index, int[] target, int offset, int count, int vocabulary) {
      long start = index;
      int done = 0;
      for (int i = 0; done < count; i++) {
        Tokens part = parts.get(i);
        if (start < part.size()) {
          int here = (int) Math.min(count - done, part.size() - start);
          part.copy(start, target, offset + done, here, vocabulary);
          done += here;
          start = 0;
        } else {
          start -= part.size();
        }
      }
    }
  }
}
