package jllm.tokenize;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Utf8;
import org.jspecify.annotations.Nullable;

/**
 * Finds added tokens in a text: the leftmost, and of those the longest, as Hugging Face's library
 * does. Immutable; a search is a {@link Cursor}.
 */
final class AddedTokenMatcher {

  private static final class Node {
    final Map<Byte, Node> children = new HashMap<>();
    @Nullable AddedToken token;
  }

  private final Node root = new Node();
  private final boolean[] first = new boolean[256];
  private final boolean empty;

  /** A token and the bytes by which it is found. */
  record Entry(AddedToken token, byte[] pattern) {}

  /**
   * @param entries of those that look the same the first counts
   */
  AddedTokenMatcher(List<Entry> entries) {
    boolean none = true;
    for (Entry entry : entries) {
      if (entry.pattern.length == 0) {
        continue;
      }
      none = false;
      first[entry.pattern[0] & 0xff] = true;
      Node node = root;
      for (byte b : entry.pattern) {
        node = node.children.computeIfAbsent(b, k -> new Node());
      }
      if (node.token == null) {
        node.token = entry.token;
      }
    }
    empty = none;
  }

  boolean isEmpty() {
    return empty;
  }

  /** Whether a token begins with this byte. */
  boolean mayBegin(byte b) {
    return first[b & 0xff];
  }

  /** The longest pattern in bytes. */
  int longest() {
    return depth(root);
  }

  private static int depth(Node node) {
    int d = 0;
    for (Node child : node.children.values()) {
      d = Math.max(d, 1 + depth(child));
    }
    return d;
  }

  /** One search through one text; reused for the next. */
  final class Cursor {
    private byte[] text = {};
    private int begin;
    private int end;
    private int scan;
    private boolean parseSpecial;

    /** Where the text before the present match begins: the end of the match before. */
    int gapStart;

    /** The range of the present match, with the white space that it takes along. */
    int start;

    int stop;

    /** The present match. */
    @Nullable AddedToken token;

    void begin(byte[] utf8, int from, int to, boolean special) {
      text = utf8;
      begin = from;
      end = to;
      scan = from;
      stop = from;
      parseSpecial = special;
    }

    /** Moves to the next match; false at the end, where {@link #stop} begins the rest. */
    boolean next() {
      gapStart = stop;
      while (scan < end) {
        if (!first[text[scan] & 0xff]) {
          scan++;
          continue;
        }
        int from = scan;
        AddedToken found = longestAt(from);
        if (found == null) {
          scan++;
          continue;
        }
        int to = scan;
        if (found.special() && !parseSpecial || found.singleWord() && !alone(from, to)) {
          continue;
        }
        start = found.lstrip() ? Math.max(spaceBefore(from), gapStart) : from;
        stop = found.rstrip() ? spaceAfter(to) : to;
        token = found;
        return true;
      }
      return false;
    }

    /** The longest token at a position; moves {@link #scan} behind it. */
    private @Nullable AddedToken longestAt(int from) {
      Node node = root;
      AddedToken found = null;
      for (int i = from; i < end; i++) {
        node = node.children.get(text[i]);
        if (node == null) {
          break;
        }
        if (node.token != null) {
          found = node.token;
          scan = i + 1;
        }
      }
      return found;
    }

    private boolean alone(int from, int to) {
      return (from == begin || !Unicode.isWord(Utf8.codePoint(text, Utf8.previous(text, from))))
          && (to == end || !Unicode.isWord(Utf8.codePoint(text, to)));
    }

    private int spaceBefore(int from) {
      int i = from;
      while (i > begin) {
        int p = Utf8.previous(text, i);
        if (!Unicode.isWhiteSpace(Utf8.codePoint(text, p))) {
          break;
        }
        i = p;
      }
      return i;
    }

    private int spaceAfter(int to) {
      int i = to;
      while (i < end) {
        int cp = Utf8.codePoint(text, i);
        if (!Unicode.isWhiteSpace(cp)) {
          break;
        }
        i += Utf8.size(cp);
      }
      return i;
    }

    void release() {
      text = new byte[0];
      token = null;
    }
  }

  @Override
  public String toString() {
    return "AddedTokenMatcher" + Arrays.toString(root.children.keySet().toArray());
  }
}
