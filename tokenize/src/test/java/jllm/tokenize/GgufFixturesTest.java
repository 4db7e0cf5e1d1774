package jllm.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import jllm.tokenize.read.Tokenizers;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real vocabularies inside GGUF files, against ids of the reference implementation. */
class GgufFixturesTest {

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "llama-spm", "bert-bge"})
  void everyCaseIsExact(String name) {
    Tokenizer tokenizer =
        Tokenizers.of(GgufVocabulary.read(Fixtures.path("vocab/" + name + ".gguf")));
    List<String> cases = Fixtures.vocabCases();
    List<int[]> expected = Fixtures.ids("vocab/" + name + ".ids", cases.size());
    assertEquals(cases.size(), expected.size());
    for (int i = 0; i < cases.size(); i++) {
      int[] ids = tokenizer.encode(cases.get(i));
      assertArrayEquals(expected.get(i), ids, "case " + i + ": " + cases.get(i));
      if (!name.startsWith("bert")) {
        assertEquals(cases.get(i), tokenizer.decode(ids), "case " + i + " decoded");
      }
    }
  }
}
