package jllm.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import jllm.tokenize.read.Llama2cVocabulary;
import jllm.tokenize.read.Tokenizers;
import org.junit.jupiter.api.Test;

/** The tokenizer layout of llama2.c. */
class Llama2cTest {

  @Test
  void textSurvivesTheRoundTrip() throws IOException {
    Tokenizer tokenizer = Tokenizers.llama2c(file());
    assertEquals(512, tokenizer.vocabulary().size());
    assertEquals(1, tokenizer.special().bos());
    for (String text :
        new String[] {"In my dream", "", " two  spaces", "h\u00e9llo \ud83d\ude00\n"}) {
      int[] ids = tokenizer.encode(text, EncodeOptions.WITH_SPECIAL);
      assertEquals(1, ids[0]);
      assertEquals(text, tokenizer.decode(ids));
    }
  }

  @Test
  void bytesComeOutAsWholeCharacters() throws IOException {
    Tokenizer tokenizer = Tokenizers.llama2c(file());
    int[] ids = tokenizer.encode("a\ud83d\ude00b");
    StreamDecoder stream = tokenizer.streamDecoder();
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      String part = stream.accept(id);
      assertTrue(part.indexOf('\ufffd') < 0, part);
      text.append(part);
    }
    assertEquals("a\ud83d\ude00b", text + stream.finish());
  }

  @Test
  void damagedFilesAreNamed() throws IOException {
    byte[] bytes = Files.readAllBytes(file());
    for (int length : new int[] {0, 3, 4, 9, bytes.length - 1}) {
      TokenizerFormatException e =
          assertThrows(
              TokenizerFormatException.class,
              () -> Llama2cVocabulary.read(Arrays.copyOf(bytes, length), "t.bin"));
      assertTrue(e.toString().contains("t.bin is no llama2.c tokenizer"), e.toString());
    }
  }

  @Test
  void anExampleByHand() throws IOException {
    Tokenizer tokenizer = Tokenizers.llama2c(file());
    int[] ids = tokenizer.encode("I");
    assertArrayEquals(new int[] {tokenizer.vocabulary().id("\u2581I")}, ids);
  }

  private static Path file() {
    return Fixtures.path("models/aidreams-tok512.bin");
  }
}
