package jllm.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import jllm.tokenize.read.Tokenizers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real SentencePiece models, against ids of the reference implementation. */
class SentencePieceFixturesTest {

  @ParameterizedTest
  @ValueSource(strings = {"unigram-1000", "llama2-bpe"})
  void everyLineIsExact(String name) throws IOException {
    Tokenizer tokenizer =
        Tokenizers.sentencePiece(Fixtures.path("sentencepiece/" + name + ".model"));
    List<String> lines = List.of(Fixtures.text("sentencepiece/inputs.txt").split("\n", -1));
    if (lines.getLast().isEmpty()) {
      lines = lines.subList(0, lines.size() - 1);
    }
    List<int[]> expected = Fixtures.ids("sentencepiece/" + name + ".ids", lines.size());
    assertEquals(lines.size(), expected.size());
    for (int i = 0; i < lines.size(); i++) {
      assertArrayEquals(
          expected.get(i), tokenizer.encode(lines.get(i)), "line " + i + ": " + lines.get(i));
    }
  }

  @Test
  void damagedModelsAreNamed(@TempDir Path folder) throws IOException {
    byte[] bytes = Files.readAllBytes(Fixtures.path("sentencepiece/unigram-1000.model"));
    for (int length : new int[] {0, 1, 7, 1000, bytes.length - 3}) {
      Path file = folder.resolve(length + ".model");
      Files.write(file, Arrays.copyOf(bytes, length));
      TokenizerFormatException e =
          assertThrows(TokenizerFormatException.class, () -> Tokenizers.sentencePiece(file));
      assertTrue(e.toString().contains(file.toString()), e.toString());
    }
  }
}
