package jllm.cli;

import java.io.IOException;

/**
 * Not typed on a terminal: answers go to standard output, a line break after each, all else to
 * standard error.
 */
final class PipedChatView implements ChatView {
  private static final int WIDTH = 80;

  private final Streams streams;
  private final boolean quiet;
  private final boolean colours;
  private final MarkdownPainter painter = new MarkdownPainter();

  /**
   * @param colours whether they are wanted, and understood if standard output is a terminal
   */
  PipedChatView(Streams streams, boolean quiet, boolean colours) {
    this.streams = streams;
    this.quiet = quiet;
    this.colours = colours && streams.outIsTerminal();
  }

  @Override
  public void accept(String text) throws IOException {
    String shown = streams.outIsTerminal() ? Visible.of(text) : text;
    streams.out().print(colours ? painter.paint(shown) : shown);
  }

  @Override
  public void endAnswer() throws IOException {
    streams.out().print((colours ? painter.finish() : "") + "\n");
  }

  @Override
  public void say(String text) {
    streams.tell("jllm: " + text);
  }

  @Override
  public void show(String text) {
    streams.err().println(text);
  }

  @Override
  public void status(ChatStatus status) {
    status.notice().filter(_ -> !quiet).ifPresent(this::say);
  }

  @Override
  public int width() {
    return WIDTH;
  }
}
