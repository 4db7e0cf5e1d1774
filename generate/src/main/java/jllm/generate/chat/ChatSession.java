package jllm.generate.chat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import jllm.generate.Generation;
import jllm.generate.GenerationOptions;
import jllm.generate.Generator;
import jllm.generate.Session;
import jllm.generate.StopReason;
import jllm.generate.TextSink;

/**
 * A talk with a model: messages, and the model's answers to them. All is rendered anew for each
 * answer; what the model has seen of it costs nothing.
 *
 * <p>When the context has no room left, the oldest turns are left out, the system message never: so
 * many that half of the context is free, as a context shift does, since each time the rest has to
 * be computed again. The talk itself keeps them. All methods but {@link #cancel} are for one
 * thread.
 */
public final class ChatSession {
  /** Room for an answer at least, before turns are left out. */
  private static final int MOST_RESERVED = 512;

  private final ChatEncoder encoder;
  private final Session session;
  private final Generator generator;
  private final List<Message> messages = new ArrayList<>();
  private int leftOut;

  /**
   * @param session on the model; the caller's
   */
  public ChatSession(Session session, ChatEncoder encoder) {
    this.session = session;
    this.generator = new Generator(session);
    this.encoder = encoder;
  }

  public ChatEncoder encoder() {
    return encoder;
  }

  /** Positions there is room for. */
  public int context() {
    return session.context();
  }

  /** All messages, a system message first where there is one. */
  public List<Message> messages() {
    return List.copyOf(messages);
  }

  /** Messages that the model does not see any more. */
  public int leftOut() {
    return leftOut;
  }

  /** The last message of a role, absent if there is none. */
  public Optional<Message> last(String role) {
    return messages.reversed().stream().filter(message -> message.role().equals(role)).findFirst();
  }

  public Optional<String> system() {
    return systemMessages() == 0
        ? Optional.empty()
        : Optional.of(String.valueOf(messages.getFirst().content()));
  }

  /**
   * Says what the model is to be, from the next answer on.
   *
   * @param text empty = nothing
   * @throws jllm.generate.jinja.TemplateException if the template knows no system message; nothing
   *     has changed then
   */
  public void setSystem(String text) {
    if (!text.isEmpty()) {
      encoder.encode(List.of(Message.system(text), Message.user("x")), true);
    }
    if (systemMessages() == 1) {
      messages.removeFirst();
    }
    if (!text.isEmpty()) {
      messages.addFirst(Message.system(text));
    }
    leftOut = 0;
  }

  private int systemMessages() {
    return !messages.isEmpty() && messages.getFirst().role().equals("system") ? 1 : 0;
  }

  /** Forgets all messages but that of the system. */
  public void clear() {
    messages.subList(systemMessages(), messages.size()).clear();
    leftOut = 0;
  }

  /** Goes on with another talk. */
  public void restore(List<Message> talk) {
    messages.clear();
    messages.addAll(talk);
    leftOut = 0;
  }

  /**
   * Takes back the last message of the user and all that followed.
   *
   * @return its text; absent if there is none
   */
  public Optional<String> undo() {
    int at = lastUser();
    if (at < 0) {
      return Optional.empty();
    }
    String text = String.valueOf(messages.get(at).content());
    messages.subList(at, messages.size()).clear();
    leftOut = 0;
    return Optional.of(text);
  }

  private int lastUser() {
    int at = messages.size() - 1;
    while (at >= 0 && !messages.get(at).role().equals("user")) {
      at--;
    }
    return at;
  }

  /**
   * Says something and lets the model answer. The message and its answer, also one that was
   * cancelled half-way, become part of the talk; with no answer at all, and after an exception,
   * nothing has changed.
   *
   * @param options the template's stops are added to these
   * @param sink takes the answer as it comes, without space before it
   * @throws jllm.generate.PromptTooLongException if the context has no room for the message alone
   * @throws jllm.generate.jinja.TemplateException if the template refuses the conversation
   * @throws IOException from the sink
   */
  public ChatTurn answer(String text, GenerationOptions options, TextSink sink) throws IOException {
    return attempt(List.of(Message.user(text)), messages.size(), options, sink);
  }

  /**
   * Answers the last message of the user again.
   *
   * @throws IllegalStateException if there is none
   * @throws IOException as {@link #answer}, as are other exceptions
   */
  public ChatTurn regenerate(GenerationOptions options, TextSink sink) throws IOException {
    int at = lastUser();
    if (at < 0) {
      throw new IllegalStateException("there is no message to answer");
    }
    return attempt(List.of(messages.get(at)), at, options, sink);
  }

  private ChatTurn attempt(List<Message> asked, int at, GenerationOptions options, TextSink sink)
      throws IOException {
    List<Message> before = List.copyOf(messages);
    int leftOutBefore = leftOut;
    boolean done = false;
    messages.subList(at, messages.size()).clear();
    messages.addAll(asked);
    try {
      ChatTurn turn = run(options, sink);
      done = !turn.text().isEmpty() || turn.generation().reason() != StopReason.CANCELLED;
      if (done) {
        messages.add(Message.assistant(turn.text()));
      }
      return turn;
    } finally {
      if (!done) {
        messages.clear();
        messages.addAll(before);
        leftOut = leftOutBefore;
      }
    }
  }

  private ChatTurn run(GenerationOptions options, TextSink sink) throws IOException {
    int leftOutBefore = leftOut;
    int[] prompt = prompt(options.maxTokens());
    Set<Integer> stopTokens = new HashSet<>(options.stopTokens());
    stopTokens.addAll(encoder.stopTokens());
    List<String> stops = new ArrayList<>(options.stop());
    stops.addAll(encoder.stops());
    GenerationOptions all =
        new GenerationOptions(
            options.maxTokens(),
            stops,
            stopTokens,
            options.ignoreEnd(),
            options.sampling(),
            options.alternatives(),
            options.keep());
    StringBuilder text = new StringBuilder();
    Generation generation =
        generator.generate(
            prompt,
            all,
            encoder.tokenizer(),
            piece -> {
              String rest = text.isEmpty() ? piece.stripLeading() : piece;
              if (!rest.isEmpty()) {
                text.append(rest);
                sink.accept(rest);
              }
            });
    return new ChatTurn(
        text.toString().strip(), generation, leftOut - leftOutBefore, session.length());
  }

  /** The tokens to go on with; leaves out turns where there is no room for an answer. */
  private int[] prompt(int maxTokens) {
    int most = Math.min(session.context() / 4, MOST_RESERVED);
    int reserved = maxTokens < 0 ? most : Math.min(maxTokens, most);
    int[] tokens = encoder.encode(seen(), true);
    if (tokens.length + reserved > session.context()) {
      while (tokens.length > session.context() / 2 && leaveOutTurn()) {
        tokens = encoder.encode(seen(), true);
      }
    }
    return tokens;
  }

  private boolean leaveOutTurn() {
    int first = systemMessages();
    int next = first + leftOut + 1;
    while (next < messages.size() && !messages.get(next).role().equals("user")) {
      next++;
    }
    if (next >= messages.size()) {
      return false;
    }
    leftOut = next - first;
    return true;
  }

  /** The messages that the model sees. */
  private List<Message> seen() {
    List<Message> seen = new ArrayList<>(messages);
    seen.subList(systemMessages(), systemMessages() + leftOut).clear();
    return seen;
  }

  /** How many tokens the talk takes, without those of messages that are left out. */
  public int length() {
    return messages.size() == systemMessages() ? 0 : encoder.encode(seen(), false).length;
  }

  /** Ends the answer that is being given; for any thread. */
  public void cancel() {
    generator.cancel();
  }

  /** Takes back a {@link #cancel} that came after the answer. */
  public void forgetCancel() {
    generator.forgetCancel();
  }
}
