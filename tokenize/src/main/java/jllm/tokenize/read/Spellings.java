package jllm.tokenize.read;

import java.nio.charset.StandardCharsets;
import jllm.tokenize.Pipeline;
import jllm.tokenize.decode.ByteFallbackDecoder;
import jllm.tokenize.decode.ByteLevelDecoder;
import jllm.tokenize.decode.Decoder;
import jllm.tokenize.decode.DecoderSequence;
import jllm.tokenize.decode.MetaspaceDecoder;
import jllm.tokenize.decode.ReplaceDecoder;
import jllm.tokenize.decode.WordPieceDecoder;
import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.text.ByteToken;
import org.jspecify.annotations.Nullable;

/** What a token stands for in the middle of a text, told from how a tokenizer decodes. */
final class Spellings {

  private Spellings() {}

  static Pipeline.Spelling of(@Nullable Decoder decoder) {
    return token -> bytes(decoder, token);
  }

  private static byte[] bytes(@Nullable Decoder decoder, String token) {
    return switch (decoder) {
      case ByteLevelDecoder d -> ByteAlphabet.decodeOrText(token);
      case MetaspaceDecoder d -> utf8(token.replace(Character.toString(d.replacement()), " "));
      case WordPieceDecoder d ->
          utf8(token.startsWith(d.prefix()) ? token.substring(d.prefix().length()) : " " + token);
      case ReplaceDecoder d -> utf8(d.pattern().replaceAll(token, d.content()));
      case DecoderSequence d -> sequence(d, token);
      case null, default -> utf8(token);
    };
  }

  /** Takes those parts of a sequence that do not depend on where a token stands. */
  private static byte[] sequence(DecoderSequence sequence, String token) {
    String text = token;
    for (Decoder d : sequence.decoders()) {
      if (d instanceof ByteFallbackDecoder && ByteToken.byteOf(text) >= 0) {
        return new byte[] {(byte) ByteToken.byteOf(text)};
      }
      if (d instanceof ByteLevelDecoder) {
        return ByteAlphabet.decodeOrText(text);
      }
      if (d instanceof ReplaceDecoder || d instanceof MetaspaceDecoder) {
        text = new String(bytes(d, text), StandardCharsets.UTF_8);
      }
    }
    return utf8(text);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
