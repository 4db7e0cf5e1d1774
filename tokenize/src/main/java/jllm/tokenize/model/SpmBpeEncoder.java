package jllm.tokenize.model;

import java.util.HashMap;
import java.util.Map;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.text.Utf8;

/** The encoder of {@link SpmBpe}. */
final class SpmBpeEncoder implements PieceEncoder {

  private final SpmBpe model;
  private final TokenTable table;
  private final boolean[] unused;
  private final boolean[] frozen;
  private final PieceCache cache;
  private final Merger merger = new Merger();
  private final Map<Integer, Integer> splits = new HashMap<>();
  private final MergeRule rule;

  SpmBpeEncoder(SpmBpe model) {
    this.model = model;
    table = model.table();
    unused = model.unused();
    frozen = model.frozen();
    cache = new PieceCache(table);
    rule = unused.length + frozen.length == 0 ? model.merges() : this::find;
  }

  /**
   * Leaves frozen pieces alone and notes where the pieces that must come apart again were put
   * together.
   */
  private long find(byte[] text, int start, int end, int left, int right) {
    if (frozen.length > 0 && (left >= 0 && frozen[left] || right >= 0 && frozen[right])) {
      return MergeRule.NONE;
    }
    long merge = model.merges().find(text, start, end, left, right);
    if (merge != MergeRule.NONE && unused.length > 0 && unused[(int) merge]) {
      splits.put((int) merge, left < 0 ? Utf8.sizeOf(text[start]) : table.length(left));
    }
    return merge;
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
    int first = out.size();
    merger.clear();
    splits.clear();
    int i = start;
    while (i < end) {
      int e = frozen.length > 0 ? userDefinedEnd(text, i, end) : i;
      if (e == i) {
        e = i + Utf8.sizeOf(text[i]);
      }
      merger.add(table.find(text, i, e), i, e);
      i = e;
    }
    merger.merge(text, rule);
    for (int k = 0; k < merger.count(); k++) {
      emit(text, merger.id(k), merger.start(k), merger.end(k), out, first);
    }
  }

  /** The end of the longest piece at a position that is found wherever it stands. */
  private int userDefinedEnd(byte[] text, int start, int end) {
    ByteTrie trie = model.userDefined();
    int node = 0;
    int found = start;
    for (int i = start; i < end; i++) {
      node = trie.step(node, text[i]);
      if (node < 0) {
        break;
      }
      if (trie.value(node) >= 0) {
        found = i + 1;
      }
    }
    return found;
  }

  /** Neighbouring unknown characters are one token. */
  private void emit(byte[] text, int id, int start, int end, TokenBuffer out, int first) {
    if (id >= 0) {
      Integer left = unused.length > 0 && unused[id] ? splits.get(id) : null;
      if (left == null) {
        out.add(id, start, end);
      } else {
        emit(text, table.find(text, start, start + left), start, start + left, out, first);
        emit(text, table.find(text, start + left, end), start + left, end, out, first);
      }
    } else if (model.byteIds().length > 0) {
      for (int i = start; i < end; i++) {
        out.add(model.byteIds()[text[i] & 0xff], i, i + 1);
      }
    } else if (model.unknown() >= 0) {
      int last = out.size() - 1;
      if (last >= first && out.id(last) == model.unknown()) {
        out.extendLast(end);
      } else {
        out.add(model.unknown(), start, end);
      }
    }
  }
}
