package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Colours are the same wherever the text is cut, and never change it. */
class MarkdownPainterTest {
  private static final String TEXT =
      """
      # A *heading* with `code`
      Plain, **bold**, `co**de`, ``a ` b``, 2 * 3 ** 4, \\*\\*not bold\\*\\*, `open
      **open, too
      ####### seven
        ## indented
      ```java
      int x = 1; // **no** `marks`
      # no heading
      ~~~
      ```
      ~~~
      ```
      ~~~~ and so on
      - `list` **item** ***both***
      ```one``` line
      end **\
      """;

  /** Colours as names, for people. */
  private static String named(String painted) {
    return painted
        .replace("\u001b[0m", "</>")
        .replace("\u001b[1;35m", "<heading>")
        .replace("\u001b[1m", "<bold>")
        .replace("\u001b[36m", "<code>")
        .replace("\u001b[2m", "<fence>");
  }

  private static String painted(String... pieces) {
    MarkdownPainter painter = new MarkdownPainter();
    StringBuilder out = new StringBuilder();
    for (String piece : pieces) {
      out.append(painter.paint(piece));
    }
    return named(out + painter.finish());
  }

  @Test
  void whatIsPainted() {
    assertEquals("<heading># One</>\ntwo", painted("# One\ntwo"));
    assertEquals("a <bold>**b c**</> d", painted("a **b c** d"));
    assertEquals("a <code>`b **c`</> d", painted("a `b **c` d"));
    assertEquals("<code>``a ` b``</>", painted("``a ` b``"));
    assertEquals("2 ** 3 ** 4", painted("2 ** 3 ** 4"));
    assertEquals("\\*\\*a", painted("\\*\\*a"));
    assertEquals("#hash", painted("#hash"));
    assertEquals(
        "<fence>```java</>\n<code>a **b**</>\n<fence>```</>\nc",
        painted("```java\na **b**\n```\nc"));
    assertEquals("<fence>~~~</>\n<code>```</>\n<fence>~~~</>", painted("~~~\n```\n~~~"));
    assertEquals("<fence>````</>\n<code>```</>\n<fence>````</>\nx", painted("````\n```\n````\nx"));
    assertEquals("<bold>**open</>\nplain", painted("**open\nplain"));
    assertEquals("a*", painted("a*"));
    assertEquals("``", painted("``").replaceAll("<[^>]*>", ""));
  }

  @Test
  void theSameWhereverTheTextIsCut() {
    String whole = painted(TEXT);
    for (int i = 0; i <= TEXT.length(); i++) {
      assertEquals(whole, painted(TEXT.substring(0, i), TEXT.substring(i)), "cut at " + i);
    }
    assertEquals(whole, painted(TEXT.split("")));
    assertEquals(TEXT, whole.replaceAll("<(/|heading|bold|code|fence)>", ""));
  }

  @Test
  void anyTextStaysAsItIsAndEndsWithoutColour() {
    long seed = new SplittableRandom().nextLong();
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 2000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(30); i > 0; i--) {
        text.append("`*#~ \n\\ax".charAt(random.nextInt(9)));
      }
      String painted = painted(text.toString());
      String where = "seed " + seed + ": " + text;
      assertEquals(painted, painted(text.toString().split("")), where);
      assertEquals(text.toString(), painted.replaceAll("<(/|heading|bold|code|fence)>", ""), where);
      int on = painted.replaceAll("<(heading|bold|code|fence)>", "\u0001").lastIndexOf('\u0001');
      assertFalse(
          on > painted.replaceAll("<(heading|bold|code|fence)>", "\u0001").lastIndexOf("</>"),
          where);
    }
  }

  @Test
  void textCannotCommandATerminal() {
    assertEquals("a\u241b[2Jb\n\tc\u2421\ufffd", Visible.of("a\u001b[2Jb\r\n\tc\u007f\u009b"));
    assertEquals(
        "one two\nthree\nabcdefghij\nk\n", Visible.wrapped("one two three\nabcdefghijk\n", 10));
  }
}
