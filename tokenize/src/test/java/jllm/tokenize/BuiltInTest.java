package jllm.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import jllm.tokenize.read.Tokenizers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The tokenizers that need no file. */
class BuiltInTest {

  @Test
  void gpt2TellsFrenchFromEnglish() {
    Tokenizer gpt2 = Tokenizers.builtIn("gpt2");
    assertArrayEquals(
        new int[] {25515, 705, 31373, 6, 284, 616, 1310, 1545, 0},
        gpt2.encode("Say 'hello' to my little friend!"));
    assertArrayEquals(
        new int[] {7279, 705, 4189, 73, 454, 6, 28141, 937, 4273, 270, 716, 72, 0},
        gpt2.encode("Dis 'bonjour' \u00e0 mon petit ami!"));
  }

  @Test
  void gpt2PiecesOfArtificialIntelligence() {
    Tokenizer gpt2 = Tokenizers.builtIn("r50k_base");
    List<String> pieces =
        Arrays.stream(gpt2.encode("Artificial intelligence"))
            .mapToObj(id -> new String(gpt2.tokenBytes(id), StandardCharsets.UTF_8))
            .toList();
    assertEquals(List.of("Art", "ificial", " intelligence"), pieces);
  }

  @Test
  void cl100kOfTheSample() {
    String text = Fixtures.text("text/openai-tokenizer-sample.txt");
    assertEquals(252, text.length());
    int[] ids = Tokenizers.builtIn("cl100k_base").encode(text);
    assertEquals(57, ids.length);
    int[] begin = {
      8607, 4339, 2472, 311, 832, 4037, 11, 719, 1063, 1541, 956, 25, 3687, 23936, 382
    };
    assertArrayEquals(begin, Arrays.copyOf(ids, begin.length));
    int[] end = {220, 4513, 10961, 16474, 15};
    assertArrayEquals(end, Arrays.copyOfRange(ids, ids.length - end.length, ids.length));
  }

  @ParameterizedTest
  @ValueSource(strings = {"r50k_base", "p50k_base", "cl100k_base", "o200k_base"})
  void anyTextComesBack(String name) {
    Tokenizer tokenizer = Tokenizers.builtIn(name);
    for (String text : Fixtures.vocabCases()) {
      TokenBuffer tokens = tokenizer.encodeWithOffsets(text, EncodeOptions.PLAIN);
      assertEquals(text, tokenizer.decode(tokens.toArray()));
      int at = 0;
      for (int i = 0; i < tokens.size(); i++) {
        assertEquals(at, tokens.start(i));
        assertEquals(tokenizer.tokenBytes(tokens.id(i)).length, tokens.end(i) - at);
        at = tokens.end(i);
      }
      assertEquals(text.getBytes(StandardCharsets.UTF_8).length, at);
    }
  }

  @Test
  void specialTextIsTextUnlessAsked() {
    Tokenizer cl100k = Tokenizers.builtIn("cl100k_base");
    String text = "a<|endoftext|>b";
    assertTrue(cl100k.encode(text).length > 3);
    assertEquals(text, cl100k.decode(cl100k.encode(text)));
    int[] parsed = cl100k.encode(text, EncodeOptions.PARSE_SPECIAL);
    assertArrayEquals(new int[] {64, 100257, 65}, parsed);
    assertEquals("ab", cl100k.decode(parsed));
    assertEquals(text, cl100k.decode(parsed, false));
    assertTrue(cl100k.isEndOfGeneration(100257));
    assertFalse(cl100k.isEndOfGeneration(64));
    assertFalse(cl100k.isEndOfGeneration(-1));
  }

  @Test
  void aBatchIsEncodedInOrder() {
    Tokenizer gpt2 = Tokenizers.builtIn("gpt2");
    List<String> texts = Collections.nCopies(50, "some text ").stream().toList();
    texts = new java.util.ArrayList<>(texts);
    for (int i = 0; i < texts.size(); i++) {
      texts.set(i, texts.get(i) + i);
    }
    List<int[]> all = gpt2.encodeAll(texts, EncodeOptions.PLAIN);
    for (int i = 0; i < texts.size(); i++) {
      assertArrayEquals(gpt2.encode(texts.get(i)), all.get(i));
    }
  }

  @Test
  void invalidUtf8IsReportedOrReplaced() {
    Tokenizer gpt2 = Tokenizers.builtIn("gpt2");
    byte[] bad = {'a', 'b', (byte) 0xe2, (byte) 0x82, 'c', (byte) 0xff};
    MalformedTextException e =
        assertThrows(
            MalformedTextException.class,
            () ->
                gpt2.newEncoder()
                    .encode(bad, 0, bad.length, EncodeOptions.PLAIN, new TokenBuffer()));
    assertEquals(2, e.offset());
    TokenBuffer tokens = new TokenBuffer(true);
    gpt2.newEncoder().encodeLenient(bad, 0, bad.length, EncodeOptions.PLAIN, tokens);
    assertArrayEquals(gpt2.encode("ab\ufffdc\ufffd"), tokens.toArray());
    assertEquals(0, tokens.start(0));
    assertEquals(bad.length, tokens.end(tokens.size() - 1));
  }

  @Test
  void idsOutOfRangeAreNamed() {
    Tokenizer gpt2 = Tokenizers.builtIn("gpt2");
    for (int id : new int[] {-1, 50257, Integer.MAX_VALUE}) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> gpt2.decode(id));
      assertTrue(e.toString().contains("0 to 50256"), e.toString());
    }
  }

  @Test
  void unknownNamesAreAnsweredWithTheKnownOnes() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Tokenizers.builtIn("gpt5"));
    assertTrue(e.toString().contains("cl100k_base"), e.toString());
  }
}
