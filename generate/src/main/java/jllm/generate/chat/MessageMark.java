package jllm.generate.chat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Ways to put a mark into a message, to see where a template writes it, in the order in which they
 * are tried.
 */
enum MessageMark {
  /** In place of the whole text. */
  TEXT {
    @Override
    String mark(String text) {
      return text.isBlank() ? "" : MARK;
    }
  },
  /** In place of the last character: a template that looks into a text finds it nearly the same. */
  END {
    @Override
    String mark(String text) {
      String content = text.stripTrailing();
      return content.length() < 2
          ? ""
          : content.substring(0, content.offsetByCodePoints(content.length(), -1)) + MARK;
    }
  },
  /** In place of the first character. */
  BEGINNING {
    @Override
    String mark(String text) {
      String content = text.stripLeading();
      return content.length() < 2 ? "" : MARK + content.substring(content.offsetByCodePoints(0, 1));
    }
  },
  /** In place of the name of the last call of a tool. */
  CALL {
    @Override
    String mark(String name) {
      return MARK;
    }

    @Override
    @Nullable Message in(Message message) {
      if (!(message.fields().get(CALLS) instanceof List<?> calls)
          || calls.isEmpty()
          || !(calls.getLast() instanceof Map<?, ?> call)) {
        return null;
      }
      List<@Nullable Object> marked = new ArrayList<>(calls);
      boolean wrapped = call.get(FUNCTION) instanceof Map<?, ?>;
      Map<?, ?> named = call.get(FUNCTION) instanceof Map<?, ?> function ? function : call;
      if (!(named.get(NAME) instanceof String name)) {
        return null;
      }
      Map<String, @Nullable Object> renamed = with(named, NAME, mark(name));
      marked.set(marked.size() - 1, wrapped ? with(call, FUNCTION, renamed) : renamed);
      return new Message(with(message.fields(), CALLS, marked));
    }
  };

  // Characters of the private use area: no tokenizer and no template knows them.
  static final String MARK = "\ue000\ue001\ue002\ue003";
  private static final String CALLS = "tool_calls";
  private static final String FUNCTION = "function";
  private static final String NAME = "name";
  private static final String TEXT_KEY = "text";

  /** The text with the mark, empty if it has no place for one. */
  abstract String mark(String text);

  /** The message with the mark, absent if it has no place for one. */
  @Nullable Message in(Message message) {
    return switch (message.content()) {
      case String text -> {
        String marked = mark(text);
        yield marked.isEmpty() ? null : message.withContent(marked);
      }
      case List<?> parts
          when !parts.isEmpty()
              && parts.getLast() instanceof Map<?, ?> part
              && part.get(TEXT_KEY) instanceof String text
              && !mark(text).isEmpty() -> {
        List<@Nullable Object> marked = new ArrayList<>(parts);
        marked.set(marked.size() - 1, with(part, TEXT_KEY, mark(text)));
        yield message.withContent(marked);
      }
      case null, default -> null;
    };
  }

  private static Map<String, @Nullable Object> with(Map<?, ?> map, String key, Object value) {
    Map<String, @Nullable Object> copy = new LinkedHashMap<>();
    map.forEach((name, old) -> copy.put(String.valueOf(name), old));
    copy.put(key, value);
    return copy;
  }
}
