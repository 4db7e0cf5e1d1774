package jllm.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import jllm.tokenize.read.Tokenizers;
import org.junit.jupiter.api.Test;

/** A real {@code tokenizer.json}, against ids of the reference implementation. */
class TokenizerJsonFixturesTest {

  @Test
  void pythiaIsExact() throws IOException {
    Tokenizer tokenizer = Tokenizers.json(Fixtures.path("hf/pythia/tokenizer.json"));
    List<String> cases = Fixtures.vocabCases();
    List<int[]> expected = Fixtures.ids("hf/pythia/inputs.ids", cases.size());
    for (int i = 0; i < cases.size(); i++) {
      int[] ids = tokenizer.encode(cases.get(i));
      assertArrayEquals(expected.get(i), ids, "case " + i + ": " + cases.get(i));
      assertEquals(cases.get(i), tokenizer.decode(ids), "case " + i + " decoded");
    }
  }
}
