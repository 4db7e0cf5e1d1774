package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import jllm.generate.Generation;
import jllm.generate.StopReason;
import jllm.generate.chat.ChatTurn;
import org.jline.terminal.Size;
import org.jline.terminal.impl.LineDisciplineTerminal;
import org.junit.jupiter.api.Test;

/** What a terminal of 40 columns shows. */
class TerminalChatViewTest {
  private static final int COLUMNS = 40;
  private static final String ANSWER =
      "# Head\nA **bold** word and `code`.\n```java\nint x = 1;\n```\n\u001b[31mno red\u0007\n";

  private interface Talk {
    void show(TerminalChatView view) throws IOException;
  }

  private static String shown(boolean colours, Talk talk) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (LineDisciplineTerminal terminal =
        new LineDisciplineTerminal("test", "xterm", bytes, StandardCharsets.UTF_8)) {
      terminal.setSize(new Size(COLUMNS, 24));
      talk.show(new TerminalChatView(terminal, colours, false));
      terminal.flush();
    }
    return bytes.toString(StandardCharsets.UTF_8).replace("\r\n", "\n");
  }

  private static Talk answer(String text, int cut) {
    return view -> {
      view.beginAnswer();
      view.accept(text.substring(0, cut));
      view.accept(text.substring(cut));
      view.endAnswer();
    };
  }

  @Test
  void anAnswerWithoutColoursIsItsText() throws IOException {
    for (int cut = 0; cut <= ANSWER.length(); cut++) {
      assertEquals(
          ANSWER.replace("\u001b", "\u241b").replace("\u0007", "\u2407"),
          shown(false, answer(ANSWER, cut)),
          "cut at " + cut);
    }
  }

  @Test
  void coloursChangeNothingElseAndEndWithTheAnswer() throws IOException {
    String plain = shown(false, answer(ANSWER, 9));
    String painted = shown(true, answer(ANSWER, 9));
    assertTrue(painted.contains("\u001b[1m**bold**\u001b[0m"), painted);
    assertEquals(plain, painted.replaceAll("\u001b\\[[0-9;]*m", ""));
    String open = shown(true, answer("an **open end", 5));
    assertTrue(open.endsWith("open end\u001b[0m\n"), open);
  }

  private static ChatStatus status(StopReason reason, int leftOut) {
    int[] tokens = new int[123];
    Generation generation =
        new Generation(tokens, List.of(), reason, 0, 50, 1_000_000, 122, 9_000_000_000L, 0);
    return new ChatStatus(new ChatTurn("text", generation, leftOut, 3_456), 4_096);
  }

  @Test
  void statusAndNoticesFit() throws IOException {
    for (StopReason reason : StopReason.values()) {
      for (int leftOut : new int[] {0, 12}) {
        String text = shown(false, view -> view.status(status(reason, leftOut)));
        assertFalse(text.contains("\u001b"), text);
        assertTrue(text.startsWith("[3456/4096; 13.6 tokens/s"), text);
        for (String line : text.split("\n")) {
          assertTrue(line.length() <= COLUMNS, line);
        }
      }
    }
    String coloured = shown(true, view -> view.status(status(StopReason.CANCELLED, 0)));
    assertEquals("\u001b[2m[3456/4096; 13.6 tokens/s, stopped]\u001b[0m\n", coloured);
  }

  @Test
  void messagesAreBrokenAtSpaces() throws IOException {
    String text = shown(false, view -> view.say("one two three four five six seven eight nine"));
    assertEquals("one two three four five six seven eight\nnine\n", text);
  }
}
