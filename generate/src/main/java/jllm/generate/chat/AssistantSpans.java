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
 * is found by rendering the conversation again with changes: with a mark instead of the answer, cut
 * off before and after the turn, and with another message behind it. This works where the template
 * treats messages one after another. Its limits: an answer that the template leaves out or changes
 * depending on its text (such as reasoning that is dropped from earlier turns) begins and ends
 * where the renderings agree, so that changed text counts as the assistant's; and a turn of tool
 * calls alone is found only if the text before it does not depend on what follows. A turn for which
 * neither works is an error, never a guess.
 */
public final class AssistantSpans {
  // Characters of the private use area: no tokenizer and no template knows them.
  private static final String MARK = "\ue000\ue001\ue002\ue003";
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
    Span content = content(index);
    Span span =
        content == null
            ? betweenRenderings(index, prompted, plain)
            : new Span(
                start(content.start(), from, prompted, plain),
                content.end() + tail(index, content.end()));
    int least = content == null ? span.start() + 1 : content.end();
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

  /** A rendering around the mark, which stands in place of a message's text. */
  private record Around(String before, String after) {}

  /** Renders messages with the mark as the text of one, absent if it does not appear once. */
  private @Nullable Around around(List<Message> messages, int index, boolean prompt) {
    List<Message> marked = new ArrayList<>(messages);
    marked.set(index, messages.get(index).withContent(MARK));
    String text = rendered(marked, prompt);
    int at = text == null ? -1 : text.indexOf(MARK);
    if (text == null || at < 0 || text.indexOf(MARK, at + 1) >= 0) {
      return null;
    }
    return new Around(text.substring(0, at), text.substring(at + MARK.length()));
  }

  /** Where the text of a message stands, absent if it has none or its place is not clear. */
  private @Nullable Span content(int index) {
    if (!(chat.messages().get(index).content() instanceof String text) || text.isBlank()) {
      return null;
    }
    Around around = around(chat.messages(), index, chat.generationPrompt());
    if (around == null
        || !whole.startsWith(around.before)
        || !whole.endsWith(around.after)
        || whole.length() <= around.before.length() + around.after.length()) {
      return null;
    }
    return new Span(around.before.length(), whole.length() - around.after.length());
  }

  /** Where a turn begins whose text is known: behind the generation prompt before it. */
  private int start(int content, int from, @Nullable String prompted, @Nullable String plain) {
    if (prompted == null) {
      return content;
    }
    if (whole.startsWith(prompted) && prompted.length() <= content) {
      return prompted.length();
    }
    String prompt = plain == null ? "" : prompted.substring(common(plain, prompted));
    int at = prompt.isEmpty() ? -1 : whole.lastIndexOf(prompt, content - prompt.length());
    return at < from ? content : at + prompt.length();
  }

  /**
   * How much of the text behind an answer ends its turn: what is the same whether the conversation
   * ends there or goes on.
   */
  private int tail(int index, int contentEnd) {
    List<Message> through = chat.messages().subList(0, index + 1);
    List<Message> more = new ArrayList<>(chat.messages());
    if (more.size() == through.size()) {
      more.add(Message.user("x"));
    }
    Around last = around(through, index, false);
    Around followed = around(more, index, false);
    if (last == null) {
      return 0;
    }
    int tail = followed == null ? last.after.length() : common(last.after, followed.after);
    return whole.startsWith(last.after.substring(0, tail), contentEnd) ? tail : 0;
  }

  /** A turn whose text cannot be marked, such as one of tool calls: from the renderings alone. */
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
