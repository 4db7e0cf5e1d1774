package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.format.lora.AdapterFiles;
import jllm.generate.GenerationOptions;

/**
 * A talk with two models at once, each with its own answers before it: what tuning did is seen
 * where they differ. Both draw the same random numbers.
 */
final class ComparedChat implements AutoCloseable {
  /** Columns from which two answers beside each other can be read. */
  private static final int WIDE = 100;

  private static final String GAP = "  |  ";

  private final List<Side> sides;
  private final ChatSettings settings;
  private final Streams streams;
  private final int width;
  private int answers;
  private volatile boolean cancelled;

  private record Side(String name, ChatModel model) {}

  /**
   * @param width columns to write in; 0 = not a terminal, where answers come one after the other
   */
  private ComparedChat(List<Side> sides, ChatSettings settings, Streams streams, int width) {
    this.sides = sides;
    this.settings = settings;
    this.streams = streams;
    this.width = width;
  }

  /**
   * Opens both.
   *
   * @param tuned another model, or an adapter of {@code base}
   */
  static ComparedChat open(
      Path base,
      String tuned,
      ChatModel.Setup setup,
      ChatSettings settings,
      Streams streams,
      int width)
      throws IOException {
    AdapterArgument adapter = AdapterArgument.parse("--compare", tuned);
    List<Side> sides = new ArrayList<>();
    boolean complete = false;
    try {
      sides.add(new Side(base.toString(), ChatModel.open(base, List.of(), setup)));
      ChatModel other =
          AdapterFiles.isAdapter(adapter.path())
              ? ChatModel.open(base, List.of(adapter), setup)
              : ChatModel.open(Path.of(tuned), List.of(), setup);
      sides.add(new Side(tuned, other));
      complete = true;
      return new ComparedChat(sides, settings, streams, width);
    } finally {
      if (!complete) {
        sides.forEach(side -> side.model().close());
      }
    }
  }

  /** What the models are to be. */
  void setSystem(String system) {
    sides.forEach(side -> side.model().chat().setSystem(system));
  }

  /** Ends the answers that are being given; for any thread. */
  void cancel() {
    cancelled = true;
    sides.forEach(side -> side.model().chat().cancel());
  }

  /**
   * Answers messages until there are no more.
   *
   * @return the exit code
   */
  int run(LineSource lines) throws IOException {
    for (String line = lines.next(); line != null; line = lines.next()) {
      if (!line.isBlank() && !ask(line) && width == 0) {
        return ExitCode.INTERRUPTED;
      }
    }
    return ExitCode.OK;
  }

  /**
   * Lets both answer, and shows what they say.
   *
   * @return whether they could say all
   */
  boolean ask(String text) throws IOException {
    cancelled = false;
    boolean beside = width >= WIDE;
    List<String> said = new ArrayList<>();
    for (Side side : sides) {
      if (!beside) {
        streams.out().print("[" + side.name() + "]\n");
      }
      String answer = answer(side, text, !beside);
      if (!beside) {
        streams.out().print("\n\n");
        streams.out().flush();
      }
      said.add(answer);
    }
    answers++;
    if (beside) {
      streams.out().print(beside(said));
      streams.out().flush();
    }
    return !cancelled;
  }

  private String answer(Side side, String text, boolean shown) throws IOException {
    StringBuilder said = new StringBuilder();
    if (cancelled) {
      return "";
    }
    side.model().chat().forgetCancel();
    GenerationOptions options = settings.options(side.model().chat().context(), answers);
    try (Interruption _ = new Interruption(this::cancel, null)) {
      side.model()
          .chat()
          .answer(
              text,
              options,
              part -> {
                String visible = streams.outIsTerminal() ? Visible.of(part) : part;
                said.append(visible);
                if (shown) {
                  streams.out().print(visible);
                  streams.out().flush();
                }
              });
    }
    return said.toString();
  }

  /** Both answers in columns. */
  private String beside(List<String> said) {
    int column = (width - GAP.length()) / 2;
    List<List<String>> columns = new ArrayList<>();
    for (int i = 0; i < sides.size(); i++) {
      List<String> lines = new ArrayList<>();
      String name = sides.get(i).name();
      lines.add(
          name.length() <= column ? name : "..." + name.substring(name.length() - column + 3));
      lines.add("-".repeat(column));
      said.get(i).strip().lines().forEach(line -> lines.addAll(wrapped(line, column)));
      columns.add(lines);
    }
    StringBuilder text = new StringBuilder();
    int rows = Math.max(columns.get(0).size(), columns.get(1).size());
    for (int row = 0; row < rows; row++) {
      String left = row < columns.get(0).size() ? columns.get(0).get(row) : "";
      String right = row < columns.get(1).size() ? columns.get(1).get(row) : "";
      text.append(left)
          .append(" ".repeat(column - left.length()))
          .append(GAP)
          .append(right)
          .append('\n');
    }
    return text.append('\n').toString();
  }

  /** A line in pieces of at most so many characters, broken at spaces where there are any. */
  static List<String> wrapped(String line, int width) {
    List<String> pieces = new ArrayList<>();
    String rest = line;
    while (rest.length() > width) {
      int space = rest.lastIndexOf(' ', width);
      int end = space > 0 ? space : width;
      pieces.add(rest.substring(0, end));
      rest = rest.substring(space > 0 ? end + 1 : end);
    }
    pieces.add(rest);
    return pieces;
  }

  @Override
  public void close() {
    sides.forEach(side -> side.model().close());
  }
}
