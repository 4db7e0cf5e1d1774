package jllm.tokenize.read;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.decode.BpeDecoder;
import jllm.tokenize.decode.ByteFallbackDecoder;
import jllm.tokenize.decode.ByteLevelDecoder;
import jllm.tokenize.decode.CtcDecoder;
import jllm.tokenize.decode.Decoder;
import jllm.tokenize.decode.DecoderSequence;
import jllm.tokenize.decode.FuseDecoder;
import jllm.tokenize.decode.MetaspaceDecoder;
import jllm.tokenize.decode.ReplaceDecoder;
import jllm.tokenize.decode.StripDecoder;
import jllm.tokenize.decode.WordPieceDecoder;

/** The decoders of {@code tokenizer.json}. */
final class JsonDecoders {

  private JsonDecoders() {}

  static Decoder read(Fields f) {
    return switch (f.type()) {
      case "ByteLevel" -> new ByteLevelDecoder();
      case "Metaspace" ->
          new MetaspaceDecoder(
              f.character("replacement"), JsonPreTokenizers.scheme(f), f.bool("split", true));
      case "WordPiece" -> new WordPieceDecoder(f.string("prefix", "##"), f.bool("cleanup", true));
      case "ByteFallback" -> new ByteFallbackDecoder();
      case "Fuse" -> new FuseDecoder();
      case "Strip" ->
          new StripDecoder(f.character("content"), f.integer("start"), f.integer("stop"));
      case "Replace" -> new ReplaceDecoder(JsonNormalizers.pattern(f), f.string("content"));
      case "BPEDecoder" -> new BpeDecoder(f.string("suffix", "</w>"));
      case "CTC" ->
          new CtcDecoder(
              f.string("pad_token", "<pad>"),
              f.string("word_delimiter_token", "|"),
              f.bool("cleanup", true));
      case "Sequence" -> {
        List<Decoder> list = new ArrayList<>();
        for (Fields part : f.objects("decoders")) {
          list.add(read(part));
        }
        yield new DecoderSequence(list);
      }
      default -> throw f.unknown("decoder");
    };
  }
}
