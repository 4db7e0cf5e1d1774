package jllm.tokenize.read;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code tokenizer_config.json} beside a tokenizer says is done, as transformers does it. */
class TokenizerConfigTest {

  private static final EncodeOptions ALL = new EncodeOptions(true, true);
  private static final String TOKENIZER =
      """
      {"added_tokens":[{"id":3,"content":"<s>","special":true},
      {"id":4,"content":"</s>","special":true}],"pre_tokenizer":{"type":"WhitespaceSplit"},
      "post_processor":{"type":"BertProcessing","cls":["</s>",4],"sep":["<s>",3]},
      "model":{"type":"WordLevel","unk_token":"u","vocab":{"u":0,"a":1,"<extra>":2}}}
      """;

  @TempDir Path folder;

  private Tokenizer read(String config) throws IOException {
    Path file = Files.writeString(folder.resolve("tokenizer.json"), TOKENIZER);
    Files.writeString(folder.resolve("tokenizer_config.json"), config);
    return Tokenizers.json(file);
  }

  @Test
  void rolesAreNamedByTextOrObject() throws IOException {
    Tokenizer tokenizer =
        read(
            "{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\",\"lstrip\":false},"
                + "\"unk_token\":\"u\",\"pad_token\":null}");
    assertEquals(3, tokenizer.special().bos());
    assertEquals(4, tokenizer.special().eos());
    assertEquals(0, tokenizer.special().unk());
    assertEquals(-1, tokenizer.special().pad());
    assertTrue(tokenizer.isEndOfGeneration(4));
    // The template is that of tokenizer.json.
    assertArrayEquals(new int[] {4, 1, 3}, tokenizer.encode("a", ALL));
  }

  @Test
  void classesWithATemplateOfTheirOwnReplaceIt() throws IOException {
    String roles = "\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}";
    assertArrayEquals(
        new int[] {3, 1},
        read("{\"tokenizer_class\":\"LlamaTokenizerFast\"," + roles).encode("a", ALL));
    assertArrayEquals(
        new int[] {1},
        read("{\"tokenizer_class\":\"LlamaTokenizer\",\"add_bos_token\":false," + roles)
            .encode("a", ALL));
    assertArrayEquals(
        new int[] {3, 1, 4},
        read("{\"tokenizer_class\":\"GemmaTokenizer\",\"add_eos_token\":true," + roles)
            .encode("a", ALL));
    assertArrayEquals(
        new int[] {4, 1, 3},
        read("{\"tokenizer_class\":\"PreTrainedTokenizerFast\"," + roles).encode("a", ALL));
  }

  @Test
  void tokensThatTheTokenizerLacksAreAdded() throws IOException {
    Tokenizer tokenizer =
        read(
            "{\"added_tokens_decoder\":{\"3\":{\"content\":\"<s>\",\"special\":true},"
                + "\"2\":{\"content\":\"<extra>\"},"
                + "\"9\":{\"content\":\"<|im_end|>\",\"special\":true}}}");
    assertEquals(10, tokenizer.vocabulary().size());
    assertArrayEquals(
        new int[] {1, 9, 2, 1},
        tokenizer.encode("a<|im_end|><extra>a", EncodeOptions.PARSE_SPECIAL));
    assertTrue(tokenizer.isEndOfGeneration(9));
    assertEquals("a a", tokenizer.decode(new int[] {1, 9, 1}));
  }

  @Test
  void contradictionsAreRefused() {
    TokenizerFormatException e =
        assertThrows(
            TokenizerFormatException.class,
            () -> read("{\"added_tokens_decoder\":{\"3\":{\"content\":\"<other>\"}}}"));
    assertTrue(String.valueOf(e.getMessage()).contains("another token has the id 3"));
    e =
        assertThrows(
            TokenizerFormatException.class,
            () -> read("{\"added_tokens_decoder\":{\"x\":{\"content\":\"<other>\"}}}"));
    assertTrue(String.valueOf(e.getMessage()).contains("the key 'x'"));
    e = assertThrows(TokenizerFormatException.class, () -> read("[]"));
    assertTrue(String.valueOf(e.getMessage()).contains("tokenizer_config.json"));
  }
}
