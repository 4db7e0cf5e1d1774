package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program itself on a pseudo-terminal, which {@code script} of util-linux makes. */
class ChatProcessTest {
  @TempDir Path folder;

  private final Screen screen = new Screen();
  private Process process;
  private OutputStream keys;

  @BeforeEach
  void start() throws IOException, InterruptedException {
    assumeScript();
    List<String> java =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules",
            "jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            "jllm.cli.Main",
            "chat",
            "--chat-template",
            "plain",
            "--temp",
            "0",
            "-l",
            "65+1000",
            "-n",
            "-1",
            "-c",
            "8192",
            "-t",
            "1");
    String command =
        "stty rows 24 cols 100; echo pty=$(tty); exec '" + String.join("' '", java) + "'";
    ProcessBuilder builder = new ProcessBuilder("script", "-qec", command, "/dev/null");
    builder.environment().put("JLLM_HOME", folder.toString());
    builder.environment().put("TERM", "xterm");
    builder.environment().put("SHELL", "/bin/sh");
    builder.environment().remove("NO_COLOR");
    process = builder.redirectErrorStream(true).start();
    keys = process.getOutputStream();
    InputStream out = process.getInputStream();
    Thread reader =
        new Thread(
            () -> {
              try {
                out.transferTo(screen);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            },
            "screen");
    reader.setDaemon(true);
    reader.start();
  }

  private static void assumeScript() throws InterruptedException {
    int status = -1;
    try {
      status =
          new ProcessBuilder("script", "-qec", "stty rows 24 cols 100", "/dev/null")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor();
    } catch (IOException absent) {
      // Told below.
    }
    if (status != 0) {
      System.out.println("skipped: there is no script of util-linux to make a pseudo-terminal");
      assumeTrue(false, "no pseudo-terminal");
    }
  }

  @AfterEach
  void end() {
    if (process != null) {
      process.destroyForcibly();
    }
  }

  private void type(String text) throws IOException {
    keys.write(text.getBytes(StandardCharsets.UTF_8));
    keys.flush();
  }

  private String saved() throws IOException {
    return Files.readString(folder.resolve("sessions/last.json"));
  }

  private void askAndWaitForTheAnswer(String question) throws IOException {
    screen.await("\n> ");
    type(question + "\r");
    screen.await(question);
    screen.awaitMore(rest -> rest.contains("aaa"), "an answer");
  }

  @Test
  void aChatAtATerminal() throws IOException, InterruptedException {
    String pty = screen.await("\n> ").replaceAll("(?s).*pty=(\\S+).*", "$1");
    type("/set max-tokens 5\r");
    screen.await("\n> ");
    type("\u001b[200~héllo\rworld\u001b[201~\r");
    screen.await("answer 5 tokens");
    screen.await("\n> ");
    type("/set max-tokens -1\r");
    askAndWaitForTheAnswer("go on");
    type("\u0003");
    screen.await("stopped]");
    screen.await("\n> ");
    assertEquals(
        0, new ProcessBuilder("stty", "-F", pty, "cols", "40").start().waitFor(), "resized");
    type("/help\r");
    screen.await("\n    this list");
    screen.await("\n> ");
    type("not sent\u0003");
    screen.await("\n> ");
    type("\u0004");
    assertTrue(process.waitFor(2, TimeUnit.MINUTES), screen.text());
    assertEquals(0, process.exitValue(), screen.text());
    assertTrue(saved().contains("\"héllo\\nworld\""), saved());
    assertTrue(saved().contains("\"go on\"},{\"role\":\"assistant\",\"content\":\"aaa"), saved());
    assertTrue(Files.readString(folder.resolve("history")).contains("go on"));
  }

  @Test
  void aTerminalThatVanishesKeepsTheTalk() throws IOException, InterruptedException {
    askAndWaitForTheAnswer("remember");
    ProcessHandle java =
        process
            .descendants()
            .filter(child -> child.info().command().orElse("").endsWith("java"))
            .findFirst()
            .orElseThrow();
    // The pseudo-terminal goes with the process that made it.
    process.destroyForcibly().waitFor();
    java.onExit().orTimeout(2, TimeUnit.MINUTES).join();
    assertTrue(
        saved().contains("\"remember\"},{\"role\":\"assistant\",\"content\":\"aaa"), saved());
  }
}
