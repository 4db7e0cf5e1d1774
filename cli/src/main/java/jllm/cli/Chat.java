package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import jllm.generate.GenerationOptions;
import jllm.generate.StopReason;
import jllm.generate.chat.ChatSession;
import jllm.generate.chat.ChatTurn;
import org.jspecify.annotations.Nullable;

/** A chat of a person with a model, which may change on the way. */
final class Chat implements AutoCloseable {
  private final ChatModel.Setup setup;
  private final ChatSettings settings;
  private final ChatView view;
  private final @Nullable Path autosave;
  private final StringBuilder attached = new StringBuilder();
  private volatile ChatModel model;
  private final ChatTotals totals = new ChatTotals();

  /**
   * @param autosave where the talk is kept after each turn, absent = nowhere
   */
  Chat(
      ChatModel model,
      ChatModel.Setup setup,
      ChatSettings settings,
      ChatView view,
      @Nullable Path autosave) {
    this.model = model;
    this.setup = setup;
    this.settings = settings;
    this.view = view;
    this.autosave = autosave;
  }

  ChatModel model() {
    return model;
  }

  /** The talk. */
  ChatSession talk() {
    return model.chat();
  }

  ChatSettings settings() {
    return settings;
  }

  ChatView view() {
    return view;
  }

  ChatTotals totals() {
    return totals;
  }

  /** Ends the answer that is being given; for any thread. */
  void cancel() {
    model.chat().cancel();
  }

  /** Puts a text before the next message. */
  void attach(String text) {
    attached.append(text.stripTrailing()).append("\n\n");
  }

  /** Forgets what was attached. */
  void detach() {
    attached.setLength(0);
  }

  private interface Attempt {
    ChatTurn run(GenerationOptions options) throws IOException;
  }

  /** Says something and shows the answer. */
  StopReason ask(String text) throws IOException {
    StopReason reason = turn(options -> talk().answer(attached + text, options, view));
    attached.setLength(0);
    return reason;
  }

  /** Shows another answer. */
  StopReason regenerate() throws IOException {
    return turn(options -> talk().regenerate(options, view));
  }

  private StopReason turn(Attempt attempt) throws IOException {
    talk().forgetCancel();
    view.beginAnswer();
    // Told to end, the process keeps what was said so far.
    try (Interruption _ = new Interruption(this::cancel, null)) {
      ChatTurn turn = attempt.run(settings.options(talk().context(), totals.answers()));
      totals.add(turn);
      // First of all: the terminal may be gone.
      save();
      view.endAnswer();
      view.status(new ChatStatus(turn, talk().context()));
      return turn.generation().reason();
    }
  }

  /** Keeps the talk as it is. */
  void save() throws IOException {
    if (autosave != null) {
      ChatFolder.makeFolder(autosave);
      Transcript.write(autosave, model.path().toString(), talk().messages());
    }
  }

  /** The talk that was kept, absent if there is none. */
  Optional<Path> autosave() {
    return Optional.ofNullable(autosave);
  }

  /**
   * Goes on with another model, without adapters; the present one stays if that cannot be opened.
   */
  void use(Path path) throws IOException {
    ChatModel next = ChatModel.open(path, List.of(), setup);
    next.chat().restore(talk().messages());
    ChatModel old = model;
    model = next;
    old.close();
  }

  @Override
  public void close() {
    model.close();
  }
}
