package jllm.tokenize.model;

import java.nio.charset.StandardCharsets;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.text.Utf8;
import org.jspecify.annotations.Nullable;

/** Byte pair encoding whose symbols are characters, with all the options of {@link Bpe}. */
final class CharBpeEncoder implements PieceEncoder {

  private final TokenTable table;
  private final PairMerges merges;
  private final Bpe.Options options;
  private final int unknown;
  private final int[] byteIds;
  private final byte[] prefix;
  private final byte[] suffix;
  private final Merger merger = new Merger();
  private final @Nullable PieceCache cache;
  private byte[] key = new byte[64];

  CharBpeEncoder(TokenTable table, PairMerges merges, Bpe.Options options) {
    this.table = table;
    this.merges = merges;
    this.options = options;
    unknown =
        options.unknown() == null
            ? -1
            : table.find(options.unknown().getBytes(StandardCharsets.UTF_8));
    prefix = bytes(options.continuingPrefix());
    suffix = bytes(options.endSuffix());
    byteIds = new int[options.byteFallback() ? 256 : 0];
    for (int b = 0; b < byteIds.length; b++) {
      byteIds[b] = table.find(String.format("<0x%02X>", b).getBytes(StandardCharsets.UTF_8));
    }
    // The cache infers ranges from the lengths of tokens, which affixes are no part of.
    cache = prefix.length + suffix.length == 0 ? new PieceCache(table) : null;
  }

  private static byte[] bytes(@Nullable String s) {
    return s == null ? new byte[0] : s.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void encode(byte[] text, int start, int end, TokenBuffer out) {
    if (cache == null || end - start > PieceCache.LONGEST) {
      compute(text, start, end, out);
    } else if (!cache.lookUp(text, start, end, out)) {
      int first = out.size();
      if (compute(text, start, end, out)) {
        cache.store(end - start, out, first);
      }
    }
  }

  /** Returns whether every token covers as many bytes as it spells. */
  private boolean compute(byte[] text, int start, int end, TokenBuffer out) {
    if (options.ignoreMerges()) {
      int id = table.find(text, start, end);
      if (id >= 0) {
        out.add(id, start, end);
        return true;
      }
    }
    merger.clear();
    symbols(text, start, end);
    merger.merge(text, merges);
    boolean plain = true;
    for (int i = 0; i < merger.count(); i++) {
      out.add(merger.id(i), merger.start(i), merger.end(i));
      plain &= merger.end(i) - merger.start(i) == table.length(merger.id(i));
    }
    return plain;
  }

  /**
   * The symbols of a piece. An unknown one is kept until the next known one or the end, while bytes
   * do not wait for it: so the reference orders them.
   */
  private void symbols(byte[] text, int start, int end) {
    int unknownStart = -1;
    int unknownEnd = -1;
    int i = start;
    while (i < end) {
      int e = i + Utf8.sizeOf(text[i]);
      int id = symbol(text, i, e, i == start, e == end);
      if (id >= 0) {
        if (unknownStart >= 0) {
          merger.add(unknown, unknownStart, unknownEnd);
          unknownStart = -1;
        }
        merger.add(id, i, e);
      } else if (!addBytes(text, i, e, i == start, e == end) && unknown >= 0) {
        if (unknownStart >= 0 && !options.fuseUnknown()) {
          merger.add(unknown, unknownStart, unknownEnd);
          unknownStart = -1;
        }
        if (unknownStart < 0) {
          unknownStart = i;
        }
        unknownEnd = e;
      }
      i = e;
    }
    if (unknownStart >= 0) {
      merger.add(unknown, unknownStart, unknownEnd);
    }
  }

  private int symbol(byte[] text, int i, int e, boolean first, boolean last) {
    boolean before = !first && prefix.length > 0;
    boolean after = last && suffix.length > 0;
    if (!before && !after) {
      return table.find(text, i, e);
    }
    return table.find(key, 0, affixed(text, i, e, before, after));
  }

  /** Puts a character with its affixes into {@link #key}. */
  private int affixed(byte[] text, int i, int e, boolean before, boolean after) {
    if (key.length < prefix.length + suffix.length + 4) {
      key = new byte[prefix.length + suffix.length + 4];
    }
    int n = 0;
    if (before) {
      System.arraycopy(prefix, 0, key, 0, prefix.length);
      n = prefix.length;
    }
    System.arraycopy(text, i, key, n, e - i);
    n += e - i;
    if (after) {
      System.arraycopy(suffix, 0, key, n, suffix.length);
      n += suffix.length;
    }
    return n;
  }

  private boolean addBytes(byte[] text, int i, int e, boolean first, boolean last) {
    if (byteIds.length == 0) {
      return false;
    }
    int n = affixed(text, i, e, !first, last);
    for (int k = 0; k < n; k++) {
      if (byteIds[key[k] & 0xff] < 0) {
        return false;
      }
    }
    for (int k = 0; k < n; k++) {
      int at = Math.min(i + k, e - 1);
      merger.add(byteIds[key[k] & 0xff], at, at + 1);
    }
    return true;
  }
}
