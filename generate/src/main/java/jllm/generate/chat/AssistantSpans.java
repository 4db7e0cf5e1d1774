package jllm.generate.chat;

import java.util.ArrayList;
import java.util.List;
import jllm.generate.jinja.Rendering;
import jllm.generate.jinja.Rendering.Span;
import jllm.generate.jinja.TemplateException;
import org.jspecify.annotations.Nullable;

/**
 * Which characters of a rendered conversation its assistant wrote: what a model is to be trained
 * on. A span begins where an answer begins (behind the generation prompt) and ends behind what ends
 * the turn, such as {@code <|im_end|>}, but before the spaces that follow it.
 *
 * <p>A template with {@code generation} blocks says it itself. For others the place of each answer
 * is found by rendering the conversation again with changes: with a {@link MessageMark} in the
 * answer, cut off before and after the turn, and with another message behind it. This works where
 * the template treats messages one after another. Its limits: an answer that the template changes
 * depending on its text begins and ends where the renderings agree, so that changed text counts as
 * the assistant's. A turn for which this does not work is an error, never a guess.
 */
public final class AssistantSpans {
  // Characters of the private use area: no tokenizer and no template knows them.
  private static final String EOS_MARK = "\ue004\ue005\ue006\ue007";
  private static final String EOS = "eos_token";

  private final ChatTemplate template;
  private final Conversation chat;
  private final String whole;

  private AssistantSpans(ChatTemplate template, Conversation chat) {
    this.template = template;
    this.chat = chat;
    this.whole = template.render(chat).text();
  }

  /** A text with the parts of it that the assistant wrote, in order. */
  public record Result(String text, List<Span> spans) {}

  /**
   * Finds the turns of the assistant. One span a message of role {@code assistant}, or what the
   * template's {@code generation} blocks say.
   *
   * @throws TemplateException if the conversation cannot be rendered
   * @throws UnknownTurnException if a turn cannot be told from the rest
   */
  public static Result of(ChatTemplate template, Conversation chat) {
    Rendering rendering = template.render(chat);
    if (!rendering.generated().isEmpty()) {
      return new Result(rendering.text(), rendering.generated());
    }
    // The end of a text (often eos_token) and what follows a turn may begin alike: a mark does not.
    Conversation marked = chat.with(EOS, EOS_MARK);
    String eos =
        chat.variables().get(EOS) instanceof String text ? text : template.specialToken(EOS);
    AssistantSpans spans = new AssistantSpans(template, marked);
    if (!spans.whole.replace(EOS_MARK, eos).equals(rendering.text())) {
      spans = new AssistantSpans(template, chat);
    }
    String whole = spans.whole;
    List<Span> found =
        spans.find().stream()
            .map(span ->
                new Span(
                    whole.substring(0, span.start()).replace(EOS_MARK, eos).length(),
                    whole.substring(0, span.end()).replace(EOS_MARK, eos).length()))
            .toList();
    return new Result(rendering.text(), found);
  }

  private List<Span> find() {
    List<Span> spans = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < chat.messages().size(); i++) {
      if (chat.messages().get(i).isAssistant()) {
        Span span = turn(i, from);
        spans.add(span);
        from = span.end();
      }
    }
    return spans;
  }

  private Span turn(int index, int from) {
    List<Message> before = chat.messages().subList(0, index);
    String prompted = rendered(before, true);
    String plain = rendered(before, false);
    Span span = byMarks(index, from, prompted, plain);
    int least = span == null ? 0 : span.start();
    if (span == null) {
      span = betweenRenderings(index, prompted, plain);
      least = span.start() + 1;
    }
    int end = span.end();
    while (end > least && Character.isWhitespace(whole.charAt(end - 1))) {
      end--;
    }
    if (span.start() < from || end < least) {
      throw new UnknownTurnException(
          template.name()
              + ": message "
              + index
              + ", which is the assistant's, cannot be told from the text around it; a template"
              + " with {% generation %} blocks would say where it is");
    }
    return new Span(span.start(), end);
  }

  /** The text of other messages, absent if the template refuses them. */
  private @Nullable String rendered(List<Message> messages, boolean prompt) {
    try {
      return template.render(chat.with(messages, prompt)).text();
    } catch (TemplateException refused) {
      return null;
    }
  }

  /** A rendering around the mark, which stands for a part of a message. */
  private record Around(String before, String after) {}

  /** Renders messages with the mark in one, absent if it does not appear once. */
  private @Nullable Around around(List<Message> messages, int index, MessageMark mark) {
    Message changed = mark.in(messages.get(index));
    if (changed == null) {
      return null;
    }
    List<Message> marked = new ArrayList<>(messages);
    marked.set(index, changed);
    String text = rendered(marked, false);
    int at = text == null ? -1 : text.indexOf(MessageMark.MARK);
    if (text == null || at < 0 || text.indexOf(MessageMark.MARK, at + 1) >= 0) {
      return null;
    }
    return new Around(text.substring(0, at), text.substring(at + MessageMark.MARK.length()));
  }

  /** The text that a mark stands for, absent if the rendering around it is not the same. */
  private @Nullable Span place(int index, MessageMark mark) {
    Around around = around(chat.messages(), index, mark);
    if (around == null
        || !whole.startsWith(around.before)
        || !whole.endsWith(around.after)
        || whole.length() <= around.before.length() + around.after.length()) {
      return null;
    }
    return new Span(around.before.length(), whole.length() - around.after.length());
  }

  /** A turn whose text, or a part of it, can be found by a mark; absent if none can. */
  private @Nullable Span byMarks(
      int index, int from, @Nullable String prompted, @Nullable String plain) {
    for (MessageMark mark : MessageMark.values()) {
      Span place = place(index, mark);
      int start = place == null ? -1 : start(index, mark, place, from, prompted, plain);
      if (place != null && start >= 0) {
        return new Span(start, place.end() + tail(index, place.end(), mark));
      }
    }
    return null;
  }

  /** Where a turn begins: behind the generation prompt before it, or with its text; -1 unknown. */
  private int start(
      int index,
      MessageMark mark,
      Span place,
      int from,
      @Nullable String prompted,
      @Nullable String plain) {
    int latest = place.start();
    if (prompted != null) {
      if (whole.startsWith(prompted) && prompted.length() <= latest) {
        return prompted.length();
      }
      String prompt = plain == null ? "" : prompted.substring(common(plain, prompted));
      int at = prompt.isEmpty() ? -1 : whole.lastIndexOf(prompt, latest - prompt.length());
      if (at >= from) {
        return at + prompt.length();
      }
    }
    if (mark == MessageMark.TEXT || mark == MessageMark.BEGINNING) {
      return latest;
    }
    Span first = mark == MessageMark.END ? place(index, MessageMark.BEGINNING) : null;
    return first == null ? -1 : first.start();
  }

  /**
   * How much of the text behind an answer ends its turn: what is the same whether the conversation
   * ends there or goes on. What a template writes at the very end alone ends the last turn where
   * nothing else does.
   */
  private int tail(int index, int placeEnd, MessageMark mark) {
    List<Message> through = chat.messages().subList(0, index + 1);
    boolean isLast = through.size() == chat.messages().size();
    List<Message> more = new ArrayList<>(chat.messages());
    if (isLast) {
      more.add(Message.user("x"));
    }
    Around last = around(through, index, mark);
    if (last == null) {
      return 0;
    }
    Around followed = around(more, index, mark);
    int tail = followed == null ? last.after.length() : common(last.after, followed.after);
    if (isLast && last.after.substring(0, tail).isBlank()) {
      tail = last.after.length();
    }
    return whole.startsWith(last.after.substring(0, tail), placeEnd) ? tail : 0;
  }

  /** A turn in which nothing can be marked: from the renderings alone. */
  private Span betweenRenderings(int index, @Nullable String prompted, @Nullable String plain) {
    String last = rendered(chat.messages().subList(0, index + 1), false);
    if (prompted == null || plain == null || last == null) {
      return new Span(-1, -1);
    }
    String followed = whole;
    if (index + 1 == chat.messages().size()) {
      List<Message> more = new ArrayList<>(chat.messages());
      more.add(Message.user("x"));
      String longer = rendered(more, false);
      followed = longer == null ? whole : longer;
    }
    int start = common(prompted, whole);
    // Before the generation prompt all must be the same, or the place says nothing.
    return start < common(plain, prompted)
        ? new Span(-1, -1)
        : new Span(start, Math.min(common(last, whole), common(last, followed)));
  }

  private static int common(String left, String right) {
    int i = 0;
    int most = Math.min(left.length(), right.length());
    while (i < most && left.charAt(i) == right.charAt(i)) {
      i++;
    }
    return i;
  }
}
