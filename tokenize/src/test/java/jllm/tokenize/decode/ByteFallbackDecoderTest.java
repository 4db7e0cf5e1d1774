package jllm.tokenize.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class ByteFallbackDecoderTest {

  private static String decoded(boolean streaming, List<String> tokens) {
    StringBuilder text = new StringBuilder();
    Decoder decoder = new ByteFallbackDecoder();
    Decoder.Stage stage =
        streaming ? decoder.beginStreaming(text::append) : decoder.begin(text::append);
    tokens.forEach(stage::accept);
    stage.finish();
    return text.toString();
  }

  @Test
  void aRunIsTextAsAWholeOrNotAtAll() {
    List<String> valid = List.of("a", "<0xC3>", "<0xA9>", "<0x41>", "b");
    assertEquals("a\u00e9Ab", decoded(false, valid));
    assertEquals("a\u00e9Ab", decoded(true, valid));
    List<String> damaged = List.of("<0x41>", "<0xC3>", "b");
    assertEquals("\ufffd\ufffdb", decoded(false, damaged));
    assertEquals("A\ufffdb", decoded(true, damaged));
  }

  @Test
  void whatOnlyLooksLikeAByteIsText() {
    assertEquals("<0x\uff11\uff12>", decoded(false, List.of("<0x\uff11\uff12>")));
  }

  @Test
  void surrogatesInUtf8AreOneReplacementAByte() {
    assertEquals("\ufffd\ufffd\ufffd", decoded(true, List.of("<0xED>", "<0xA0>", "<0x80>")));
  }
}
