package jllm.tokenize.split;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.RandomText;
import jllm.tokenize.text.Workspace;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each scanner cuts random text exactly as the regular expression that it stands for. */
class ScannersTest {

  static List<Arguments> scanners() {
    return List.of(
        Arguments.of("gpt2", new Gpt2Splitter(), List.of(Gpt2Splitter.PATTERN)),
        Arguments.of("gpt2 short", new Gpt2Splitter(), List.of(Patterns.GPT2_WITHOUT_LAST)),
        Arguments.of("cl100k", new Cl100kSplitter(3), List.of(Cl100kSplitter.PATTERN)),
        Arguments.of("qwen2", new Cl100kSplitter(1), List.of(Cl100kSplitter.QWEN2)),
        Arguments.of("o200k", new O200kSplitter(3, true), List.of(O200kSplitter.PATTERN)),
        Arguments.of("tekken", new O200kSplitter(1, false), List.of(O200kSplitter.TEKKEN)),
        Arguments.of(
            "deepseek",
            new DeepSeekSplitter(),
            List.of(DeepSeekSplitter.NUMBERS, DeepSeekSplitter.HAN, DeepSeekSplitter.WORDS)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("scanners")
  void cutsAsItsExpression(String name, Splitter scanner, List<String> expressions) {
    List<PreTokenizer> steps = new ArrayList<>();
    for (String expression : expressions) {
      steps.add(Patterns.split(expression));
    }
    PreTokenizer slow = new PreTokenizerSequence(steps);
    PreTokenizer fast = new SplitterPreTokenizer(scanner);
    Workspace workspace = new Workspace();
    int texts = Integer.getInteger("jllm.test.texts", 4_000);
    for (long seed = 1; seed <= texts; seed++) {
      String text = new RandomText(seed).next(30);
      assertEquals(
          pieces(slow, workspace, text), pieces(fast, workspace, text), () -> name + " of " + text);
    }
  }

  private static List<String> pieces(PreTokenizer preTokenizer, Workspace workspace, String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    workspace.wrap(utf8, 0, utf8.length);
    workspace.onePiece(0, utf8.length);
    preTokenizer.split(workspace);
    List<String> pieces = new ArrayList<>();
    for (int i = 0; i < workspace.pieces(); i++) {
      int start = workspace.pieceStart(i);
      pieces.add(new String(utf8, start, workspace.pieceEnd(i) - start, StandardCharsets.UTF_8));
    }
    return pieces;
  }
}
