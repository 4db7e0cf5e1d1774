package jllm.cli;

import java.io.IOError;
import java.io.IOException;
import java.io.PrintWriter;
import org.jline.terminal.Terminal;

/** A chat on a terminal, with colours if it has any. */
final class TerminalChatView implements ChatView {
  private static final String DIM = "\u001b[2m";
  private static final String RESET = "\u001b[0m";

  private final Terminal terminal;
  private final PrintWriter out;
  private final boolean colours;
  private final boolean quiet;
  private MarkdownPainter painter = new MarkdownPainter();
  private char last = '\n';

  TerminalChatView(Terminal terminal, boolean colours, boolean quiet) {
    this.terminal = terminal;
    this.out = terminal.writer();
    this.colours = colours;
    this.quiet = quiet;
  }

  /** What is typed meanwhile is shown when it is read, not in the middle of the answer. */
  @Override
  public void beginAnswer() {
    echo(false);
  }

  @Override
  public void accept(String text) {
    String visible = Visible.of(text);
    if (!visible.isEmpty()) {
      print(colours ? painter.paint(visible) : visible);
      last = visible.charAt(visible.length() - 1);
    }
  }

  @Override
  public void endAnswer() {
    print((colours ? painter.finish() : "") + (last == '\n' ? "" : "\n"));
    painter = new MarkdownPainter();
    last = '\n';
    echo(true);
  }

  private void echo(boolean shown) {
    try {
      terminal.echo(shown);
    } catch (IOError | IllegalStateException gone) {
      // A terminal that has vanished shows nothing.
    }
  }

  @Override
  public void say(String text) {
    show(Visible.wrapped(Visible.of(text), width()));
  }

  @Override
  public void show(String text) {
    if (last != '\n') {
      endAnswer();
    }
    print(text + "\n");
  }

  @Override
  public void status(ChatStatus status) throws IOException {
    if (!quiet) {
      String line = status.line(width());
      show(colours ? DIM + line + RESET : line);
    }
    status.notice().ifPresent(this::say);
  }

  @Override
  public int width() {
    int width = terminal.getWidth();
    return width > 0 ? width : TerminalWidth.columns();
  }

  private void print(String text) {
    out.print(text);
    out.flush();
  }
}
