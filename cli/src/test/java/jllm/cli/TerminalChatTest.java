package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import jllm.generate.BundledModel;
import jllm.tensor.Backend;
import jllm.tensor.cpu.CpuKernels;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.impl.LineDisciplineTerminal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A chat at a terminal that is typed on by the test. */
class TerminalChatTest {
  private static final String CTRL_C = "\u0003";
  private static final String CTRL_D = "\u0004";

  @TempDir Path folder;

  /** A running chat. */
  private static final class Typist implements AutoCloseable {
    final Screen screen = new Screen();
    final LineDisciplineTerminal terminal;
    private final CompletableFuture<Integer> code;

    Typist(Path home, String type, Map<String, String> environment) throws IOException {
      terminal = new LineDisciplineTerminal("test", type, screen, StandardCharsets.UTF_8);
      terminal.setSize(new Size(80, 24));
      code = new CompletableFuture<>();
      Thread chat =
          new Thread(
              () -> {
                try {
                  code.complete(run(home, environment));
                } catch (Throwable e) {
                  code.completeExceptionally(e);
                }
              },
              "chat");
      chat.setDaemon(true);
      chat.start();
    }

    private int run(Path home, Map<String, String> environment) throws IOException {
      SamplingOptions sampling = new SamplingOptions();
      sampling.temperature = 0;
      sampling.topP = 1;
      sampling.repeatPenalty = 1;
      // The same letter, on and on.
      sampling.logitBiases.add(new LogitBias.Converter().convert("65+1000"));
      ChatLengthOptions lengths = new ChatLengthOptions();
      lengths.maxTokens = 4;
      // Room for an answer that is still going on when it is to be stopped.
      lengths.contextSize = 8192;
      Streams streams =
          new Streams(
              InputStream.nullInputStream(),
              new StandardOutput(OutputStream.nullOutputStream()),
              new PrintStream(screen, true, StandardCharsets.UTF_8),
              true,
              true,
              true);
      try (Backend backend = CpuKernels.AUTO.open(1)) {
        ChatModel.Setup setup =
            new ChatModel.Setup(
                Placement.always(backend), null, "plain", lengths, new CacheTypeOptions());
        ChatModel model = ChatModel.open(BundledModel.path(), List.of(), setup);
        return new TerminalChat(terminal, streams, new ChatFolder(home), environment, false)
            .run(model, setup, new ChatSettings(sampling, lengths), "");
      }
    }

    Typist type(String keys) throws IOException {
      terminal.processInputBytes(keys.getBytes(StandardCharsets.UTF_8));
      return this;
    }

    /** Waits for the prompt, so that what is typed is a new line. */
    Typist prompt() {
      screen.await("\n> ");
      return this;
    }

    int end() {
      return code.orTimeout(2, java.util.concurrent.TimeUnit.MINUTES).join();
    }

    @Override
    public void close() throws IOException {
      terminal.close();
    }
  }

  private Typist chat() throws IOException {
    return new Typist(folder, "xterm", Map.of());
  }

  private String saved() throws IOException {
    return Files.readString(folder.resolve("sessions/last.json"));
  }

  @Test
  void typingEditingAndLeaving() throws IOException {
    try (Typist chat = chat()) {
      // Backspace and cursor keys correct the line.
      chat.prompt().type("Hexx\u007f\u007flo\u001bOD\u001bODl\r");
      chat.screen.await("answer 4 tokens");
      chat.prompt().type("one\\\r").screen.await(". ");
      chat.type("two\r").prompt().type(CTRL_D);
      assertEquals(0, chat.end());
    }
    assertTrue(saved().contains("{\"role\":\"user\",\"content\":\"Hello\"}"), saved());
    assertTrue(saved().contains("one\\ntwo"), saved());
    try (Typist next = chat()) {
      next.screen.await("/load goes on with the last talk");
      // Up brings what was typed last time, and goes through its lines.
      next.prompt().type("\u001bOA\u001bOA\u001bOA\r").screen.await("answer 4 tokens");
      next.prompt().type("/exit\r");
      assertEquals(0, next.end());
    }
    assertTrue(saved().contains("[{\"role\":\"user\",\"content\":\"Hello\"}"), saved());
  }

  @Test
  void interruptionStopsAnAnswerAndClearsALine() throws IOException {
    try (Typist chat = chat()) {
      chat.prompt().type("/set max-tokens -1\r").prompt();
      chat.type("go on\r").screen.await("go on");
      chat.screen.awaitMore(rest -> rest.strip().length() > 12, "an answer");
      chat.type(CTRL_C).screen.await("stopped]");
      chat.prompt().type("not sent" + CTRL_C).prompt().type("/undo\r");
      chat.screen.await("taken back: go on");
      chat.prompt().type("/exit\r");
      assertEquals(0, chat.end());
    }
  }

  @Test
  void aPasteIsOneMessage() throws IOException {
    try (Typist chat = chat()) {
      chat.prompt().type("\u001b[200~first\rsecond\r\u001b[201~").screen.await("second");
      chat.type("\r").screen.await("answer 4 tokens");
      chat.prompt().type(CTRL_D);
      assertEquals(0, chat.end());
    }
    assertTrue(saved().contains("\"first\\nsecond\""), saved());
  }

  @Test
  void severalLinesUntilAnEmptyOne() throws IOException {
    try (Typist chat = chat()) {
      chat.prompt().type("/multiline\r").prompt().type("a\r").screen.await(". ");
      chat.type("b\r").screen.await(". ");
      chat.type("\r").screen.await("answer 4 tokens");
      chat.prompt().type("/multiline\r").prompt().type(CTRL_D);
      assertEquals(0, chat.end());
    }
    assertTrue(saved().contains("\"a\\nb\""), saved());
  }

  @Test
  void completion() throws IOException {
    Files.writeString(folder.resolve("my notes.txt"), "x");
    try (Typist chat = chat()) {
      chat.prompt().type("/mult\t").screen.await("/multiline");
      chat.type(CTRL_C).prompt().type("/read " + folder + "/my\t").screen.await("my notes.txt");
      chat.type("\r").screen.await("is put before your");
      chat.prompt().type("/set presence\t0.5\r").prompt().type("/set\r");
      chat.screen.await("presence-penalty   0.5");
      chat.prompt().type(CTRL_D);
      assertEquals(0, chat.end());
    }
  }

  /** The editor is whatever the variable says, options included; what it leaves is sent instead. */
  @Test
  void editing() throws IOException {
    Map<String, String> editor =
        Map.of("VISUAL", "", "EDITOR", "sed -i -e 's/fist/first/'", "NO_COLOR", "1");
    try (Typist chat = new Typist(folder, "xterm", editor)) {
      chat.prompt().type("/edit\r").screen.await("there is no message yet");
      chat.prompt().type("my fist message\r").screen.await("answer 4 tokens");
      chat.prompt().type("/edit\r").screen.await("> my first message");
      chat.screen.await("answer 4 tokens");
      chat.prompt().type("/edit\r").screen.await("nothing was changed");
      chat.prompt().type(CTRL_D);
      assertEquals(0, chat.end());
    }
    assertTrue(saved().contains("\"my first message\"},{\"role\":\"assistant\""), saved());
    assertFalse(saved().contains("fist"), saved());
    try (Typist chat = new Typist(folder, "xterm", Map.of("EDITOR", "false"))) {
      chat.prompt().type("again\r").screen.await("answer 4 tokens");
      chat.prompt().type("/edit\r").screen.await("ended with status 1");
      chat.prompt().type("/undo\r").screen.await("taken back: again");
      chat.prompt().type(CTRL_D);
      assertEquals(0, chat.end());
    }
    try (Typist chat = new Typist(folder, "xterm", Map.of())) {
      chat.prompt().type("again\r").screen.await("answer 4 tokens");
      chat.prompt().type("/edit\r").screen.await("set EDITOR");
      chat.prompt().type(CTRL_D);
      assertEquals(0, chat.end());
    }
  }

  @Test
  void anErrorIsToldAndTheTalkGoesOn() throws IOException {
    try (Typist chat = chat()) {
      chat.prompt().type("/model no-such-model\r").screen.await("there is no such file");
      chat.prompt().type("/modle\r").screen.await("did you mean /model?");
      chat.prompt().type("/set top-p 7\r").screen.await("expected 0 to 1");
      chat.prompt().type("/usr/bin is a folder\r").screen.await("answer 4 tokens");
      chat.prompt().type(CTRL_D);
      assertEquals(0, chat.end());
    }
  }

  @Test
  void aNarrowTerminalAndOneThatIsResized() throws IOException {
    try (Typist chat = chat()) {
      chat.prompt().type("wide\r").screen.await("[context ");
      chat.prompt();
      chat.terminal.setSize(new Size(40, 24));
      chat.terminal.raise(Terminal.Signal.WINCH);
      chat.type("/help\r");
      String help = chat.screen.await("Tab completes.");
      chat.prompt().type("narrow\r").screen.await("tokens/s, token limit]");
      chat.prompt().type(CTRL_D);
      assertEquals(0, chat.end());
      for (String line : help.split("\n")) {
        assertTrue(line.length() <= 40, line);
      }
    }
  }

  @Test
  void noEscapesWhereTheTerminalHasNone() throws IOException {
    try (Typist chat = new Typist(folder, "dumb", Map.of())) {
      chat.prompt().type("hello\r").screen.await("[context ");
      chat.prompt().type(CTRL_D);
      assertEquals(0, chat.end());
      assertFalse(chat.screen.raw().contains("\u001b"), chat.screen.raw());
    }
    try (Typist chat = new Typist(folder, "xterm", Map.of("NO_COLOR", "1"))) {
      chat.prompt().type("hello\r").screen.await("[context ");
      chat.prompt().type(CTRL_D);
      assertEquals(0, chat.end());
      assertFalse(chat.screen.raw().contains("\u001b[2m"), chat.screen.raw());
    }
  }
}
