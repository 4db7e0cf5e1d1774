package jllm.generate.chat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFormatException;
import org.jspecify.annotations.Nullable;

/**
 * What a chat template is rendered with.
 *
 * @param messages in order
 * @param generationPrompt whether the text ends with what an answer begins with
 * @param variables what else the template may use, such as {@code tools}, {@code documents}, {@code
 *     bos_token}; values as JSON has them
 */
public record Conversation(
    List<Message> messages, boolean generationPrompt, Map<String, @Nullable Object> variables) {
  private static final String MESSAGES = "messages";
  private static final String GENERATION_PROMPT = "add_generation_prompt";

  public Conversation {
    messages = List.copyOf(messages);
    variables = Collections.unmodifiableMap(new LinkedHashMap<>(variables));
  }

  public Conversation(List<Message> messages, boolean generationPrompt) {
    this(messages, generationPrompt, Map.of());
  }

  /**
   * Reads a JSON object with {@code messages}, {@code add_generation_prompt} (false if absent); all
   * other keys are variables.
   *
   * @param source for messages
   * @throws ModelFormatException if it is none, or its messages are no list of objects
   */
  public static Conversation read(String source, byte[] json) {
    Map<String, @Nullable Object> variables = ChatJson.object(source, json);
    List<Message> messages = new ArrayList<>();
    if (!(variables.remove(MESSAGES) instanceof List<?> list)) {
      throw new ModelFormatException(
          source
              + ": expected a list of messages, as in {\"messages\": [{\"role\": \"user\","
              + " \"content\": \"Hello\"}]}");
    }
    for (Object element : list) {
      if (!(element instanceof Map<?, ?> fields)) {
        throw new ModelFormatException(
            source + ": messages[" + messages.size() + "] is no object, expected role and content");
      }
      Map<String, @Nullable Object> copy = new LinkedHashMap<>();
      fields.forEach((key, value) -> copy.put(String.valueOf(key), value));
      messages.add(new Message(copy));
    }
    return new Conversation(
        messages, isTrue(source, variables.remove(GENERATION_PROMPT)), variables);
  }

  private static boolean isTrue(String source, @Nullable Object value) {
    return switch (value) {
      case null -> false;
      case Boolean truth -> truth;
      default ->
          throw new ModelFormatException(
              source + ": " + GENERATION_PROMPT + " is " + value + ", expected true or false");
    };
  }

  /** The same with other messages. */
  public Conversation with(List<Message> others, boolean prompt) {
    return new Conversation(others, prompt, variables);
  }

  /** The same with one variable more, or another value of it. */
  public Conversation with(String name, @Nullable Object value) {
    Map<String, @Nullable Object> changed = new LinkedHashMap<>(variables);
    changed.put(name, value);
    return new Conversation(messages, generationPrompt, changed);
  }

  /** Whether there are tools to call. */
  public boolean hasTools() {
    return variables.get("tools") != null;
  }

  /** All variables of a template; tools and documents are none where absent. */
  Map<String, @Nullable Object> forTemplate(Map<String, String> specialTokens) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>(specialTokens);
    all.put("tools", null);
    all.put("documents", null);
    all.putAll(variables);
    all.put(MESSAGES, messages.stream().map(Message::fields).toList());
    all.put(GENERATION_PROMPT, generationPrompt);
    return all;
  }
}
