package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.BundledModel;
import jllm.generate.Choice;
import jllm.generate.Choice.Alternative;
import jllm.generate.ModelTokenizer;
import jllm.tokenize.Tokenizer;
import org.jline.utils.WCWidth;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How the choice of a token is drawn. */
class ExplainViewTest {
  private static Tokenizer tokenizer;

  @BeforeAll
  static void read() throws IOException {
    try (ModelFile file = ModelFiles.open(BundledModel.path())) {
      tokenizer = ModelTokenizer.of(file, null);
    }
  }

  private static int token(String text) {
    return tokenizer.encode(text)[0];
  }

  private static Alternative alternative(String text, double probability, double share) {
    return new Alternative(token(text), (float) Math.log(probability), share, null);
  }

  /** Half, a quarter and an eighth, of which the second was drawn; what was dropped, and why. */
  private static Choice choice() {
    return new Choice(
        token("O"),
        (float) Math.log(0.25),
        List.of(
            alternative("I", 0.5, 0.6),
            alternative("O", 0.25, 0.4),
            new Alternative(token("What"), (float) Math.log(0.125), 0, "top-k 2")));
  }

  private static String shown(int columns, boolean colours, Choice choice) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ExplainView view = new ExplainView(new StandardOutput(bytes), tokenizer, columns, colours);
    view.chosen(choice);
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void withoutColours() throws IOException {
    assertEquals(
        """
        token 1
          "I"        50.0 % ██▌   → 60.0 %
        > "O"        25.0 % █▎    → 40.0 %
          "What"     12.5 % ▋     ✗ top-k 2
        """,
        shown(40, false, choice()));
  }

  @Test
  void whatWasDrawnIsShownWhereItIsNotAmongTheBest() throws IOException {
    Choice rare =
        new Choice(token("My"), (float) Math.log(0.01), List.of(alternative("I", 0.5, 0.9)));
    String text = shown(60, false, rare);
    assertTrue(text.contains("\n  ...\n> \"My\""), text);
    assertTrue(text.endsWith("chosen\n"), text);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 36, 40, 59, 80, 100, 500})
  void linesFitTheTerminal(int columns) throws IOException {
    Choice sure =
        new Choice(token("O"), 0, List.of(alternative("O", 1, 1), alternative("I", 0, 0)));
    for (Choice choice : List.of(choice(), sure)) {
      for (String line : shown(columns, false, choice).split("\n")) {
        int width = line.codePoints().map(WCWidth::wcwidth).sum();
        assertTrue(width < Math.max(36, columns), width + " of " + columns + ": " + line);
      }
    }
  }

  @Test
  void coloursChangeNothingElse() throws IOException {
    String coloured = shown(80, true, choice());
    assertTrue(coloured.contains("\u001b[1;32m> \"O\""), coloured);
    assertTrue(coloured.contains("\u001b[2m  \"What\""), coloured);
    String plain = shown(80, false, choice());
    assertFalse(plain.contains("\u001b"), plain);
    assertEquals(plain, coloured.replaceAll("\u001b\\[[0-9;]*m", ""));
  }
}
