package jllm.tokenize.model;

import java.util.HashMap;
import java.util.Map;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.text.Utf8;

/** The encoder of {@link SpmBpe}. */
final class SpmBpeEncoder implements PieceEncoder {

  private final TokenTable table;
  private final TextMerges merges;
  private final boolean[] unused;
  private final int[] byteIds;
  private final int unknown;
  private final PieceCache cache;
  private final Merger merger = new Merger();
  private final Map<Integer, Integer> splits = new HashMap<>();
  private final MergeRule rule;

  SpmBpeEncoder(TokenTable table, TextMerges merges, boolean[] unused, int[] byteIds, int unknown) {
    this.table = table;
    this.merges = merges;
    this.unused = unused;
    this.byteIds = byteIds;
    this.unknown = unknown;
    this.cache = new PieceCache(table);
    this.rule = unused.length == 0 ? merges : new Recording();
  }

  /** Notes where the pieces that must come apart again were put together. */
  private final class Recording implements MergeRule {
    @Override
    public long find(byte[] text, int start, int end, int left, int right) {
      long merge = merges.find(text, start, end, left, right);
      if (merge != NONE && unused[(int) merge]) {
        int leftEnd = left < 0 ? start + Utf8.sizeOf(text[start]) : start + table.length(left);
        splits.put((int) merge, leftEnd - start);
      }
      return merge;
    }
  }

  @Override
  public void encode(byte[] text, int start, int end, TokenBuffer out) {
    if (end - start > PieceCache.LONGEST) {
      compute(text, start, end, out);
    } else if (!cache.lookUp(text, start, end, out)) {
      int first = out.size();
      compute(text, start, end, out);
      cache.store(end - start, out, first);
    }
  }

  private void compute(byte[] text, int start, int end, TokenBuffer out) {
    merger.clear();
    splits.clear();
    int i = start;
    while (i < end) {
      int e = i + Utf8.sizeOf(text[i]);
      merger.add(table.find(text, i, e), i, e);
      i = e;
    }
    merger.merge(text, rule);
    for (int k = 0; k < merger.count(); k++) {
      emit(text, merger.id(k), merger.start(k), merger.end(k), out);
    }
  }

  private void emit(byte[] text, int id, int start, int end, TokenBuffer out) {
    if (id >= 0) {
      Integer left = unused.length > 0 && unused[id] ? splits.get(id) : null;
      if (left == null) {
        out.add(id, start, end);
      } else {
        emit(text, table.find(text, start, start + left), start, start + left, out);
        emit(text, table.find(text, start + left, end), start + left, end, out);
      }
    } else if (byteIds.length > 0) {
      for (int i = start; i < end; i++) {
        out.add(byteIds[text[i] & 0xff], i, i + 1);
      }
    } else if (unknown >= 0) {
      out.add(unknown, start, end);
    }
  }
}
