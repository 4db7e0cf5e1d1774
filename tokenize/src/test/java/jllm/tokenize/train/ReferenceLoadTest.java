package jllm.tokenize.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What training writes, read by Hugging Face's own library. */
class ReferenceLoadTest {
  private static final String TEXT =
      "It's the way of words: some are short, some lengthier; 12345 numbers, too.\n\n  And spaces!\n"
          + "\u00c9t\u00e9 na\u00efve \u4e2d\u6587 \ud83d\ude00 DON'T CamelCase a/b//c \t\r\n";

  @TempDir Path folder;

  @Test
  void tokenizerJsonGivesTheSameTokensThere() throws IOException {
    Path file = Files.writeString(folder.resolve("learn.txt"), TEXT.repeat(5));
    for (String pattern :
        List.of("gpt2", "cl100k", "o200k", "llama3", "none", "[A-Za-z]+|[^A-Za-z]")) {
      TrainedBpe trained =
          new BpeTrainer(
                  TrainOptions.of(330)
                      .withPattern(pattern)
                      .withSpecialTokens(List.of("<|endoftext|>", "<pad>")),
                  TrainListener.NONE)
              .train(Corpus.of(List.of(file), CorpusOptions.DEFAULT));
      Path out = folder.resolve("out" + Integer.toHexString(pattern.hashCode()));
      trained.write(out, false);
      Tokenizer ours = trained.tokenizer();
      try (HuggingFaceTokenizer theirs =
          HuggingFaceTokenizer.newInstance(
              out.resolve("tokenizer.json"), Map.of("addSpecialTokens", "false"))) {
        long seed = 4;
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
          StringBuilder b = new StringBuilder();
          for (int i = 0; i < 12; i++) {
            int from = TEXT.offsetByCodePoints(0, random.nextInt(100));
            int to = TEXT.offsetByCodePoints(from, 1 + random.nextInt(12));
            b.append(TEXT, from, to);
          }
          String text = b.toString();
          long[] expected = theirs.encode(text, false, false).getIds();
          int[] actual = ours.encode(text);
          assertArrayEquals(
              expected,
              Arrays.stream(actual).asLongStream().toArray(),
              pattern + " seed " + seed + ": " + text);
          assertEquals(text, theirs.decode(expected, false));
        }
        // Special tokens are known there too.
        assertArrayEquals(
            new long[] {0, 1}, theirs.encode("<|endoftext|><pad>", false, false).getIds());
        assertEquals(trained.merges().tokens().size(), ours.vocabulary().size());
      }
      assertEquals(
          trained.merges().size() + 1,
          Files.readString(out.resolve("merges.txt"), UTF_8).lines().count());
    }
  }
}
