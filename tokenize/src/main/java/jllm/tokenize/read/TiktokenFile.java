package jllm.tokenize.read;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.decode.ByteLevelDecoder;
import jllm.tokenize.model.RankBpe;
import jllm.tokenize.model.TokenTable;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.split.Patterns;
import jllm.tokenize.text.ByteAlphabet;

/**
 * The rank tables of tiktoken (github.com/openai/tiktoken, load.py): a line a token, its bytes in
 * base64, a space, its rank. The table says neither how texts are split nor what special tokens
 * there are.
 */
final class TiktokenFile {

  private static final int MOST_RANKS = JsonModel.MOST_IDS;

  private TiktokenFile() {}

  static Tokenizer read(
      byte[] file, String name, String expression, Map<String, Integer> specials) {
    return of(table(file, name), name, expression, specials);
  }

  /** The tokens of a file by their ranks. */
  static TokenTable table(byte[] file, String name) {
    return new TokenTable(ranks(file, name));
  }

  /** The tokenizer of a table. */
  static Tokenizer of(
      TokenTable ranks, String name, String expression, Map<String, Integer> specials) {
    for (Map.Entry<String, Integer> special : specials.entrySet()) {
      int id = special.getValue();
      if (id < 0 || id >= MOST_RANKS) {
        throw new TokenizerFormatException(
            "the special token '"
                + special.getKey()
                + "' has the id "
                + id
                + "; expected 0 to "
                + (MOST_RANKS - 1));
      }
    }
    RankBpe model = new RankBpe(ranks);
    List<AddedToken> added = new ArrayList<>();
    specials.forEach((text, id) -> added.add(AddedToken.special(id, text)));
    Vocabulary vocabulary =
        new Vocabulary(
            ranks.size(),
            id -> ranks.length(id) == 0 ? null : ByteAlphabet.encode(ranks.key(id)),
            added);
    Integer end = specials.get("<|endoftext|>");
    SpecialIds ids =
        end == null ? SpecialIds.NONE : new SpecialIds(Map.of(Role.BOS, end, Role.EOS, end));
    BitSet ends = EndOfGeneration.of(vocabulary, ids);
    try {
      return new Tokenizer(
          new Pipeline(
              name,
              vocabulary,
              added,
              null,
              Patterns.split(expression),
              model,
              PostProcessor.NONE,
              new ByteLevelDecoder(),
              ByteAlphabet::decodeOrText,
              ids,
              ends));
    } catch (IllegalArgumentException e) {
      throw new TokenizerFormatException("the pattern for " + name + ": " + e.getMessage(), e);
    }
  }

  private static byte[][] ranks(byte[] file, String name) {
    byte[][] ranks = new byte[1 << 17][];
    int size = 0;
    int line = 0;
    for (int at = 0; at < file.length; ) {
      line++;
      int end = at;
      while (end < file.length && file[end] != '\n') {
        end++;
      }
      int next = end + 1;
      if (end > at && file[end - 1] == '\r') {
        end--;
      }
      if (end > at) {
        int space = at;
        while (space < end && file[space] != ' ') {
          space++;
        }
        int rank = rank(file, space + 1, end);
        if (space == at || rank < 0) {
          throw damaged(name, line, "is no token and rank");
        }
        if (rank >= ranks.length) {
          ranks = Arrays.copyOf(ranks, Math.max(rank + 1, ranks.length * 2));
        }
        if (ranks[rank] != null) {
          throw damaged(name, line, "has the rank " + rank + " a second time");
        }
        try {
          ranks[rank] = Base64.getDecoder().decode(Arrays.copyOfRange(file, at, space));
        } catch (IllegalArgumentException e) {
          throw damaged(name, line, "is not base64");
        }
        size = Math.max(size, rank + 1);
      }
      at = next;
    }
    if (size == 0) {
      throw damaged(name, 1, "is missing");
    }
    byte[][] result = Arrays.copyOf(ranks, size);
    for (int id = 0; id < size; id++) {
      if (result[id] == null) {
        result[id] = new byte[0];
      }
    }
    return result;
  }

  private static int rank(byte[] file, int from, int to) {
    int rank = from < to ? 0 : -1;
    for (int i = from; i < to; i++) {
      int digit = file[i] - '0';
      if (digit < 0 || digit > 9 || rank >= MOST_RANKS) {
        return -1;
      }
      rank = rank * 10 + digit;
    }
    return rank < MOST_RANKS ? rank : -1;
  }

  private static TokenizerFormatException damaged(String name, int line, String what) {
    return new TokenizerFormatException(
        name
            + " is no tiktoken table, or damaged: line "
            + line
            + " "
            + what
            + "; expected base64, a space and a rank on each line");
  }
}
