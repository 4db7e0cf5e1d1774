package jllm.tokenize.stream;

import java.util.Arrays;
import jllm.tokenize.Pipeline;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.post.ClsSep;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.post.PostProcessorSequence;
import jllm.tokenize.post.TrimOffsets;
import jllm.tokenize.text.ByteAlphabet;

/** What a post-processor does to a text whose parts are encoded one by one. */
final class Around {
  private static final int TEXT = -1;
  private static final int NOWHERE = -1;
  private static final String MARK = "\u2581";

  private final Vocabulary vocabulary;
  private final int[] before;
  private final int[] after;
  private final boolean keepsFirstSpace;

  Around(Pipeline pipeline, boolean addSpecial) {
    vocabulary = pipeline.vocabulary();
    // Without ranges no post-processor looks at the tokens themselves.
    TokenBuffer probe = new TokenBuffer(false);
    probe.add(TEXT, 0, 0);
    pipeline.postProcessor().process(probe, 0, new byte[0], 0, 0, addSpecial);
    int[] ids = probe.toArray();
    int text = 0;
    while (ids[text] != TEXT) {
      text++;
    }
    before = Arrays.copyOf(ids, text);
    after = Arrays.copyOfRange(ids, text + 1, ids.length);
    keepsFirstSpace = keepsFirstSpace(pipeline.postProcessor());
  }

  private static boolean keepsFirstSpace(PostProcessor post) {
    return switch (post) {
      case TrimOffsets trim -> trim.trim() && trim.addPrefixSpace();
      case ClsSep cls -> keepsFirstSpace(cls.trim());
      case PostProcessorSequence sequence ->
          sequence.processors().stream().anyMatch(Around::keepsFirstSpace);
      default -> false;
    };
  }

  /** Adds the special tokens of a text to those of a part. */
  void add(TokenBuffer tokens, boolean first, boolean last) {
    for (int i = 0; first && i < before.length; i++) {
      tokens.insert(i, before[i], 0, 0);
    }
    for (int i = 0; last && i < after.length; i++) {
      tokens.add(after[i], NOWHERE, NOWHERE);
    }
  }

  /**
   * Gives tokens of a part that does not begin the text their ranges in it.
   *
   * @param dropped how many bytes at its beginning were not encoded: none, or a space
   */
  void continueRanges(TokenBuffer tokens, int dropped) {
    if (!tokens.hasOffsets() || tokens.size() == 0) {
      return;
    }
    for (int i = 0; dropped > 0 && i < tokens.size(); i++) {
      tokens.setRange(i, tokens.start(i) + dropped, tokens.end(i) + dropped);
    }
    if (dropped > 0) {
      // The space that the tokenizer put there stands for the one that was dropped.
      boolean alone = vocabulary.text(tokens.id(0)).equals(MARK);
      tokens.setRange(0, 0, alone ? dropped : tokens.end(0));
      return;
    }
    // A space at the beginning of a text is kept as one that may have been put there.
    for (int i = 0; keepsFirstSpace && i < tokens.size() && tokens.start(i) == 0; i++) {
      String text = vocabulary.text(tokens.id(i));
      char space = ByteAlphabet.toChar(' ');
      if (text.length() == 1 && text.charAt(0) == space) {
        tokens.setRange(i, 1, 1);
      } else if (!text.isEmpty() && text.charAt(0) == space && text.charAt(1) != space) {
        tokens.setRange(i, Math.min(1, tokens.end(i)), tokens.end(i));
      }
    }
  }
}
