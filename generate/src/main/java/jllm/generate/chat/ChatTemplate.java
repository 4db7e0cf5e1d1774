package jllm.generate.chat;

import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import jllm.generate.jinja.JinjaTemplate;
import jllm.generate.jinja.Rendering;
import jllm.generate.jinja.TemplateException;

/**
 * Writes conversations as a model was trained to read them. The text holds all special tokens,
 * where the template wants one at its beginning that too: encode it with special tokens parsed and
 * none added.
 */
public final class ChatTemplate {
  private final String name;
  private final String source;
  private final JinjaTemplate template;
  private final Map<String, String> specialTokens;
  private final List<String> stops;
  private final Supplier<LocalDateTime> clock;

  private ChatTemplate(
      String name,
      String source,
      JinjaTemplate template,
      Map<String, String> specialTokens,
      List<String> stops,
      Supplier<LocalDateTime> clock) {
    this.name = name;
    this.source = source;
    this.template = template;
    this.specialTokens = specialTokens;
    this.stops = stops;
    this.clock = clock;
  }

  /**
   * Parses a template.
   *
   * @param name what to call it
   * @param specialTokens such as {@code bos_token} and its text; variables of the template unless
   *     the conversation has its own
   * @throws jllm.generate.jinja.TemplateSyntaxException if it is none
   */
  public static ChatTemplate of(String name, String source, Map<String, String> specialTokens) {
    return of(name, source, specialTokens, List.of());
  }

  static ChatTemplate of(
      String name, String source, Map<String, String> specialTokens, List<String> stops) {
    return new ChatTemplate(
        name,
        source,
        JinjaTemplate.parse(source),
        new LinkedHashMap<>(specialTokens),
        stops,
        LocalDateTime::now);
  }

  /** The same template with another idea of the time. */
  public ChatTemplate withClock(Supplier<LocalDateTime> other) {
    return new ChatTemplate(name, source, template, specialTokens, stops, other);
  }

  /** What to call it, for people. */
  public String name() {
    return name;
  }

  /** The template as written. */
  public String source() {
    return source;
  }

  /** Texts that end an answer besides the model's own tokens; none for a model's own template. */
  public List<String> stops() {
    return stops;
  }

  /** The text of a special token such as {@code eos_token}, empty if it is not known. */
  public String specialToken(String key) {
    return specialTokens.getOrDefault(key, "");
  }

  /**
   * Renders a conversation of text alone.
   *
   * @param generationPrompt whether the text ends with what an answer begins with
   * @throws TemplateException as {@link #render(Conversation)}
   */
  public String render(List<Message> messages, boolean generationPrompt) {
    return render(new Conversation(messages, generationPrompt)).text();
  }

  /**
   * Renders a conversation.
   *
   * @throws TemplateException if the template refuses it or cannot be rendered with it
   */
  public Rendering render(Conversation conversation) {
    return template.render(conversation.forTemplate(specialTokens), clock);
  }
}
