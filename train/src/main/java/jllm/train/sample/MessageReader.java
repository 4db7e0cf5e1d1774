package jllm.train.sample;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.format.ModelFormatException;
import jllm.generate.chat.ChatJson;
import jllm.generate.chat.Message;
import jllm.train.DataException;
import org.jspecify.annotations.Nullable;

/**
 * Messages as files have them, made those that templates read: {@code role} and {@code content} or
 * ShareGPT's {@code from} and {@code value}, a text or a list of parts of text, and calls of tools
 * whose arguments are an object or the text of one.
 */
final class MessageReader {
  private static final List<String> ROLES = List.of("role", "from");
  private static final List<String> CONTENTS = List.of("content", "value", "text");
  private static final String CALLS = "tool_calls";

  private final String where;

  MessageReader(String where) {
    this.where = where;
  }

  /**
   * Reads a message.
   *
   * @throws DataException if it is none
   */
  Message read(@Nullable Object element, int index) {
    if (!(element instanceof Map<?, ?> map)) {
      throw wrong(index, "is no object, expected role and content");
    }
    String role = role(index, map);
    Message message = Message.of(role.equals("function_call") ? "assistant" : role, "");
    String key = CONTENTS.stream().filter(map::containsKey).findFirst().orElse(CONTENTS.getFirst());
    Object content = content(index, map.get(key));
    if (content == null && map.get(CALLS) == null) {
      throw wrong(index, "has no content (and calls no tool)");
    }
    if (role.equals("function_call") && content instanceof String call) {
      message =
          message.with(CALLS, List.of(Map.of("type", "function", "function", call(index, call))));
    } else {
      message = message.with("content", content);
    }
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      String field = String.valueOf(entry.getKey());
      Object kept = field.equals(CALLS) ? calls(index, entry.getValue()) : entry.getValue();
      boolean absentCalls = field.equals(CALLS) && kept == null;
      if (!ROLES.contains(field) && !field.equals(key) && !absentCalls) {
        message = message.with(field, kept);
      }
    }
    return message;
  }

  private DataException wrong(int index, String what) {
    return new DataException(where + ": message " + (index + 1) + " " + what);
  }

  private String role(int index, Map<?, ?> map) {
    for (String key : ROLES) {
      if (map.get(key) instanceof String role) {
        return usual(role);
      }
    }
    throw wrong(
        index,
        "says not who speaks: found the fields %s, expected role (or from)"
            .formatted(map.keySet()));
  }

  /** The names that templates know. */
  private static String usual(String role) {
    return switch (role.strip().toLowerCase(Locale.ROOT)) {
      case "human", "prompter", "user" -> "user";
      case "gpt", "chatgpt", "bing", "bard", "bot", "model", "ai", "assistant" -> "assistant";
      case "observation", "tool_response", "function_response", "tool" -> "tool";
      case "system" -> "system";
      default -> role;
    };
  }

  /** A text, or absent; parts of text become one. */
  private @Nullable Object content(int index, @Nullable Object content) {
    return switch (content) {
      case null -> null;
      case String text -> text;
      case List<?> parts -> {
        List<String> texts = new ArrayList<>();
        for (Object part : parts) {
          switch (part) {
            case String text -> texts.add(text);
            case Map<?, ?> map when map.get("text") instanceof String text -> texts.add(text);
            case Map<?, ?> map ->
                throw wrong(
                    index, "has a part of type " + map.get("type") + "; only text can be learned");
            case null, default -> throw wrong(index, "has a part that is no text: " + part);
          }
        }
        yield String.join("\n", texts);
      }
      default -> throw wrong(index, "has the content " + content + ", expected a text");
    };
  }

  /** Arguments are objects for templates, but texts in files of OpenAI's format. */
  private @Nullable Object calls(int index, @Nullable Object value) {
    if (value == null) {
      return null;
    }
    if (!(value instanceof List<?> list)) {
      throw wrong(index, "has '" + CALLS + "' that are no list");
    }
    List<@Nullable Object> calls = new ArrayList<>();
    for (Object element : list) {
      if (!(element instanceof Map<?, ?> call)) {
        throw wrong(index, "has '" + CALLS + "' with something else than an object: " + element);
      }
      Map<String, @Nullable Object> copy = new LinkedHashMap<>();
      call.forEach((name, field) ->
          copy.put(
              String.valueOf(name),
              field instanceof Map<?, ?> function && "function".equals(name)
                  ? withArguments(function)
                  : field));
      calls.add(withArguments(copy));
    }
    return calls.isEmpty() ? null : calls;
  }

  private static Map<String, @Nullable Object> withArguments(Map<?, ?> function) {
    Map<String, @Nullable Object> copy = new LinkedHashMap<>();
    function.forEach((name, value) -> copy.put(String.valueOf(name), value));
    if (copy.get("arguments") instanceof String text) {
      copy.put("arguments", parsed(text));
    }
    return copy;
  }

  /** The object that a text holds, the text if it holds none. */
  private static Object parsed(String text) {
    try {
      return ChatJson.object("arguments", text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    } catch (ModelFormatException none) {
      return text;
    }
  }

  private Map<String, @Nullable Object> call(int index, String text) {
    if (parsed(text) instanceof Map<?, ?> map && map.get("name") instanceof String) {
      return withArguments(map);
    }
    throw wrong(index, "is a call of a function, but not the JSON of one with a name: " + text);
  }
}
