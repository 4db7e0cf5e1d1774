package jllm.generate.chat;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One message of a conversation, with all fields that a template may look at.
 *
 * @param fields {@code role}, {@code content} and others such as {@code tool_calls}; values as JSON
 *     has them
 */
public record Message(Map<String, @Nullable Object> fields) {
  private static final String CONTENT = "content";

  public Message {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /** A message of text. */
  public static Message of(String role, String content) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put(CONTENT, content);
    return new Message(fields);
  }

  public static Message system(String content) {
    return of("system", content);
  }

  public static Message user(String content) {
    return of("user", content);
  }

  public static Message assistant(String content) {
    return of("assistant", content);
  }

  /** Who said it; empty if the message does not say. */
  public String role() {
    return fields.get("role") instanceof String role ? role : "";
  }

  public boolean isAssistant() {
    return role().equals("assistant");
  }

  /** A text, a list of parts, or absent. */
  public @Nullable Object content() {
    return fields.get(CONTENT);
  }

  /** The same message with another content. */
  public Message withContent(Object content) {
    return with(CONTENT, content);
  }

  /** The same message with one field more, or another value of it. */
  public Message with(String name, @Nullable Object value) {
    Map<String, @Nullable Object> changed = new LinkedHashMap<>(fields);
    changed.put(name, value);
    return new Message(changed);
  }
}
