package jllm.tokenize.differential;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import jllm.tokenize.AddedToken;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.RandomText;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Our tokens, ranges and decoded texts against those of Hugging Face's own library, on random text,
 * for pipelines as real models have them. Its Unicode tables are older than the JDK's: texts keep
 * to characters that both know. Its ranges count characters, ours bytes. More texts a pipeline:
 * {@code -Djllm.test.texts=N}.
 */
class DifferentialTest {

  private static final int TEXTS = Integer.getInteger("jllm.test.texts", 6_000);

  @ParameterizedTest
  @EnumSource(Pipelines.class)
  void tokensRangesAndTextsAreEqual(Pipelines kind) {
    Reference.load();
    try (Comparison comparison = new Comparison(kind.text(), true)) {
      List<String> added = new ArrayList<>();
      for (AddedToken token : comparison.ours().pipeline().added()) {
        added.add(token.content());
      }
      for (long seed = 1; seed <= TEXTS; seed++) {
        String text = RandomPipelines.text(new SplittableRandom(seed), added);
        boolean addSpecial = seed % 3 == 0;
        if (comparison.difference(text, addSpecial) != null) {
          String smallest = comparison.smallest(text, addSpecial);
          assertNull(
              comparison.difference(smallest, addSpecial),
              kind + ", seed " + seed + ", " + Comparison.escape(smallest));
        }
      }
    }
  }

  /** Half of a surrogate pair is no character: it is encoded as U+FFFD is. */
  @ParameterizedTest
  @EnumSource(
      value = Pipelines.class,
      names = {"GPT2", "LLAMA2", "BERT", "T5"})
  void unpairedSurrogatesAreReplaced(Pipelines kind) {
    Reference.load();
    Tokenizer ours = Tokenizers.json(kind.text(), kind.name());
    try (Comparison comparison = new Comparison(kind.text(), true)) {
      for (String s : List.of("%s", "a%s", "%sb", "a %s b", "%s%s", "\u00e9%s\ud83d\ude00")) {
        String text = s.replace("%s", "\ufffd");
        assertNull(comparison.difference(text, false));
        for (String half : List.of("\ud83d", "\ude00")) {
          assertEquals(
              List.of(ours.encodeWithOffsets(text, EncodeOptions.PARSE_SPECIAL).toString()),
              List.of(
                  ours.encodeWithOffsets(s.replace("%s", half), EncodeOptions.PARSE_SPECIAL)
                      .toString()));
        }
      }
    }
  }

  /**
   * Characters that the library's tables do not know survive encoding and decoding all the same.
   */
  @Test
  void newerCharactersSurvive() {
    for (Pipelines kind : List.of(Pipelines.LLAMA3, Pipelines.DEEPSEEK, Pipelines.LLAMA2)) {
      Tokenizer ours = Tokenizers.json(kind.text(), kind.name());
      for (long seed = 1; seed <= 2_000; seed++) {
        SplittableRandom random = new SplittableRandom(seed);
        // The mark that stands for a space becomes one.
        StringBuilder text = new StringBuilder(new RandomText(seed).next(10).replace("\u2581", ""));
        for (int i = 0; i < 10; i++) {
          int cp = random.nextInt(0x110000);
          if (!UnicodeEight.has(cp) && (cp < 0xd800 || cp > 0xdfff)) {
            text.insert(
                text.offsetByCodePoints(
                    0, random.nextInt(text.codePointCount(0, text.length()) + 1)),
                Character.toString(cp));
          }
        }
        assertEquals(
            text.toString(), ours.decode(ours.encode(text), false), kind + ", seed " + seed);
      }
    }
  }
}
