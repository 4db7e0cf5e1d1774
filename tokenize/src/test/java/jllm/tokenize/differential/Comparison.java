package jllm.tokenize.differential;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;
import org.jspecify.annotations.Nullable;

/** One {@code tokenizer.json}, read by both. */
final class Comparison implements AutoCloseable {

  private final Tokenizer ours;
  private final Reference theirs;
  private final boolean ranges;

  /**
   * @param ranges whether ranges are compared, or tokens alone
   */
  Comparison(String json, boolean ranges) {
    this.ranges = ranges;
    theirs = Reference.of(json);
    ours = Tokenizers.json(json, "test");
  }

  Tokenizer ours() {
    return ours;
  }

  /**
   * Looks for a difference in tokens, ranges, or what they decode to.
   *
   * @return a description of it, or null
   */
  @Nullable String difference(String text, boolean addSpecial) {
    Object expected = theirTokens(text, addSpecial);
    Object actual;
    int[] ids = {};
    try {
      TokenBuffer tokens = ours.encodeWithOffsets(text, new EncodeOptions(addSpecial, true));
      ids = tokens.toArray();
      List<String> like = new ArrayList<>();
      if (expected instanceof List<?> list) {
        list.forEach(o -> like.add(String.valueOf(o)));
      }
      actual = Reference.describe(text, tokens, like);
    } catch (jllm.tokenize.TokenizerFormatException e) {
      actual = "refused";
    }
    if (!ranges) {
      expected = String.valueOf(expected).replaceAll("@[-0-9]+", "");
      actual = String.valueOf(actual).replaceAll("@[-0-9]+", "");
    }
    if (!expected.equals(actual)) {
      return "addSpecial=" + addSpecial + "\n  theirs " + expected + "\n  ours   " + actual;
    }
    // Decoding is compared for some texts, also of tokens in an order that no text has.
    if (text.hashCode() % 3 != 0) {
      return null;
    }
    String difference = decodeDifference(ids);
    if (difference == null && ids.length > 1) {
      SplittableRandom random = new SplittableRandom(text.hashCode());
      for (int i = ids.length - 1; i > 0; i--) {
        int k = random.nextInt(i + 1);
        int id = ids[i];
        ids[i] = ids[k];
        ids[k] = id;
      }
      difference = decodeDifference(ids);
    }
    return difference;
  }

  private Object theirTokens(String text, boolean addSpecial) {
    try {
      return theirs.encode(text, addSpecial);
    } catch (RuntimeException e) {
      return "refused";
    }
  }

  /** Decodes tokens in both. */
  @Nullable String decodeDifference(int[] ids) {
    for (boolean skip : new boolean[] {true, false}) {
      String expected = theirs.decode(ids, skip);
      String actual = ours.decode(ids, skip);
      if (!Objects.equals(expected, actual)) {
        return "decode(skip="
            + skip
            + ") of "
            + java.util.Arrays.toString(ids)
            + "\n  theirs "
            + escape(expected)
            + "\n  ours   "
            + escape(actual);
      }
    }
    return null;
  }

  /** Takes characters away as long as a difference remains. */
  String smallest(String text, boolean addSpecial) {
    String best = text;
    for (int size = Math.max(1, best.length() / 2); size >= 1; size /= 2) {
      for (int i = 0; i + size <= best.codePointCount(0, best.length()); ) {
        int[] cps = best.codePoints().toArray();
        String shorter = new String(cps, 0, i) + new String(cps, i + size, cps.length - i - size);
        if (difference(shorter, addSpecial) != null) {
          best = shorter;
        } else {
          i++;
        }
      }
    }
    return best;
  }

  /** A text for messages. */
  static String escape(String text) {
    StringBuilder s = new StringBuilder("\"");
    text.codePoints()
        .forEach(cp ->
            s.append(cp >= 32 && cp < 127 ? Character.toString(cp) : String.format("<%x>", cp)));
    return s.append('"').toString();
  }

  @Override
  public void close() {
    theirs.close();
  }
}
