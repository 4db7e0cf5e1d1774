package jllm.tokenize.read;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.decode.ByteFallbackDecoder;
import jllm.tokenize.decode.Decoder;
import jllm.tokenize.decode.DecoderSequence;
import jllm.tokenize.decode.LeadingSpaceDecoder;
import jllm.tokenize.decode.ReplaceDecoder;
import jllm.tokenize.text.LiteralPattern;

/** The decoder of SentencePiece's vocabularies. */
final class SpmDecoders {

  private static final int SPACE = 0x2581;

  private SpmDecoders() {}

  /**
   * @param stripFirst whether the space that was put before the text is taken away
   * @param stripAll whether all spaces at the beginning are
   */
  static Decoder of(boolean stripFirst, boolean stripAll) {
    List<Decoder> list = new ArrayList<>();
    if (stripFirst || stripAll) {
      list.add(new LeadingSpaceDecoder(SPACE, stripAll));
    }
    list.add(new ReplaceDecoder(new LiteralPattern(Character.toString(SPACE)), " "));
    list.add(new ByteFallbackDecoder());
    return new DecoderSequence(list);
  }
}
