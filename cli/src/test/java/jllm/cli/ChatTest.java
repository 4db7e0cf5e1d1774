package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A chat without a terminal: a message a line, answers alone on standard output. */
class ChatTest {
  /** The bundled model, always the same token: {@code -l} makes it by far the likeliest. */
  private static final String[] SAYS_A = {"-l", "65+1000", "--temp", "0", "-n", "3"};

  @TempDir Path folder;

  private static Run chat(String input, String... args) {
    String[] all = new String[args.length + SAYS_A.length + 1];
    all[0] = "chat";
    System.arraycopy(SAYS_A, 0, all, 1, SAYS_A.length);
    System.arraycopy(args, 0, all, 1 + SAYS_A.length, args.length);
    return Run.withInput(input, all);
  }

  @Test
  void anAnswerForEachLine() {
    Run run = chat("one\n\ntwo\\\nthree\n");
    assertEquals(0, run.code(), run.err());
    String answer = run.out().substring(0, run.out().indexOf('\n'));
    assertEquals(3, answer.length());
    assertEquals(answer + "\n" + answer + "\n", run.out());
    assertTrue(run.err().contains("was not trained to answer"), run.err());
    assertEquals(1, run.err().lines().count(), "it is told once: " + run.err());
  }

  @Test
  void oneAnswer() {
    Run run = chat("ignored", "-q", "-p", "Hello", "--system", "Be brief.");
    assertEquals(0, run.code(), run.err());
    assertEquals("", run.err());
    assertEquals(4, run.out().length());
  }

  @Test
  void commandsOfATalkAreSavedAndLoaded() throws IOException {
    Path file = folder.resolve("talk.json");
    Path read = Files.writeString(folder.resolve("notes.txt"), "Notes.\n");
    Run run =
        chat(
            """
            /system You are a poet.
            /read %s
            one
            /set max-tokens 5
            two
            /undo
            /regen
            /save %s
            /context
            /tokens
            /tokens one
            /stats
            /set
            /model
            /help
            /exit
            never said
            """
                .formatted(read, file),
            "-q");
    assertEquals(0, run.code(), run.err());
    String answer = run.out().lines().toList().getLast();
    assertEquals(5, answer.length());
    assertEquals(3, run.out().lines().count());
    String json = Files.readString(file);
    assertTrue(
        json.endsWith(
            "\"messages\":[{\"role\":\"system\",\"content\":\"You are a poet.\"},"
                + "{\"role\":\"user\",\"content\":\"Notes.\\n\\none\"},"
                + "{\"role\":\"assistant\",\"content\":\""
                + answer
                + "\"}]}\n"),
        json);
    assertTrue(run.err().contains("of 256 tokens used"), run.err());
    assertTrue(run.err().contains("3 answers"), run.err());

    Run loaded = chat("/load " + file + "\n/undo\n/clear\n/context\n", "-q");
    assertEquals(0, loaded.code(), loaded.err());
    assertTrue(loaded.err().contains("3 messages"), loaded.err());
    assertTrue(loaded.err().contains("taken back: Notes. one"), loaded.err());
    assertTrue(loaded.err().contains("0 of 256 tokens used"), loaded.err());
  }

  @Test
  void theFirstErrorEndsAScript() throws IOException {
    Run unknown = chat("/sve x\nnever said\n", "-q");
    assertEquals(2, unknown.code());
    assertEquals("", unknown.out());
    assertTrue(unknown.err().contains("did you mean /save?"), unknown.err());

    Path precious = Files.writeString(folder.resolve("precious.txt"), "no talk");
    Run overwriting = chat("/save " + precious + "\n", "-q");
    assertEquals(2, overwriting.code());
    assertEquals("no talk", Files.readString(precious));
    assertEquals(4, chat("/load " + precious + "\n", "-q").code());
    assertEquals(3, chat("/load " + folder.resolve("none") + "\n", "-q").code());
    assertEquals(2, chat("/set top-p 2\n", "-q").code());
    assertEquals(2, chat("/set top-k many\n", "-q").code());
    assertEquals(2, chat("/set nothing 1\n", "-q").code());
    assertEquals(2, chat("/clear all\n", "-q").code());
    Run tooLong = chat("x".repeat(2000) + "\n", "-q");
    assertEquals(2, tooLong.code());
    assertTrue(tooLong.err().contains("more than the context of 256"), tooLong.err());
  }

  @Test
  void aFullContextIsTold() {
    Run run = chat("one\ntwo\nthree\nfour\n", "-n", "60");
    assertEquals(0, run.code(), run.err());
    assertEquals(4, run.out().lines().count());
    assertTrue(run.err().contains("its oldest 4 messages were left out"), run.err());
    Run cut = chat("one\n", "-n", "-1");
    assertEquals(0, cut.code());
    assertTrue(cut.err().contains("the answer was cut off"), cut.err());
  }

  @Test
  void templates() throws IOException {
    Path own = Files.writeString(folder.resolve("own.jinja"), "{{ messages[0].content }}?");
    assertEquals(0, chat("", "-p", "x", "--chat-template", own.toString()).code());
    Run named = chat("", "-p", "x", "--chat-template", "chatml");
    assertEquals("", named.err(), "with a template that was asked for nothing is told");
    Run unknown = chat("", "-p", "x", "--chat-template", "chatlm");
    assertEquals(2, unknown.code());
    assertTrue(unknown.err().contains("chatml, llama2"), unknown.err());
    Path raising = Files.writeString(folder.resolve("r.jinja"), "{{ raise_exception('Never!') }}");
    Run refused = chat("", "-p", "x", "--chat-template", raising.toString());
    assertEquals(4, refused.code());
    assertTrue(refused.err().contains("Never!"), refused.err());
  }

  @Test
  void coloursOnlyWhereTheyAreWanted() {
    assertFalse(ChatTerminal.hasColours("xterm", java.util.Map.of("NO_COLOR", "1")));
    assertTrue(ChatTerminal.hasColours("xterm", java.util.Map.of("NO_COLOR", "")));
    assertFalse(ChatTerminal.hasColours("dumb", java.util.Map.of()));
    assertFalse(ChatTerminal.hasColours(null, java.util.Map.of()));
  }
}
