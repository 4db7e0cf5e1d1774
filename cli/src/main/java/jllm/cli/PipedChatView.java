package jllm.cli;

import java.io.IOException;

/** Answers go to standard output, a line break after each, all else to standard error. */
final class PipedChatView implements ChatView {
  private static final int WIDTH = 80;

  private final Streams streams;
  private final boolean quiet;

  PipedChatView(Streams streams, boolean quiet) {
    this.streams = streams;
    this.quiet = quiet;
  }

  @Override
  public void accept(String text) throws IOException {
    streams.out().print(text);
  }

  @Override
  public void endAnswer() throws IOException {
    streams.out().print("\n");
  }

  @Override
  public void say(String text) {
    streams.err().println("jllm: " + text);
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
