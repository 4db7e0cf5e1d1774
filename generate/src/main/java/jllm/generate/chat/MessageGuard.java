package jllm.generate.chat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.Vocabulary;
import org.jspecify.annotations.Nullable;

/**
 * Breaks the names of special tokens in what people write, such as {@code <|im_end|>}, by a mark in
 * the middle: so what a template writes can be told from what was written to look like it. The mark
 * is a character for private use that the messages do not have.
 */
final class MessageGuard {
  private static final char FIRST_MARK = '\ue000';

  private final List<String> names = new ArrayList<>();

  MessageGuard(Vocabulary vocabulary) {
    for (int id = 0; id < vocabulary.size(); id++) {
      String name = vocabulary.isSpecial(id) ? vocabulary.text(id) : "";
      if (name.codePointCount(0, name.length()) > 1) {
        names.add(name);
      }
    }
  }

  /** A character that none of the messages has. */
  static char mark(List<Message> messages) {
    String all = messages.toString();
    char mark = FIRST_MARK;
    while (all.indexOf(mark) >= 0) {
      mark++;
    }
    return mark;
  }

  /** The messages with marks, the same where they need none. */
  List<Message> guard(List<Message> messages, char mark) {
    List<Message> guarded = new ArrayList<>();
    for (Message message : messages) {
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      message.fields().forEach((key, value) -> fields.put(key, guard(value, mark)));
      guarded.add(new Message(fields));
    }
    return guarded;
  }

  private @Nullable Object guard(@Nullable Object value, char mark) {
    return switch (value) {
      case null -> null;
      case String text -> guard(text, mark);
      case List<?> list -> {
        List<@Nullable Object> copy = new ArrayList<>();
        list.forEach(element -> copy.add(guard(element, mark)));
        yield copy;
      }
      case Map<?, ?> map -> {
        Map<String, @Nullable Object> copy = new LinkedHashMap<>();
        map.forEach((key, element) -> copy.put(String.valueOf(key), guard(element, mark)));
        yield copy;
      }
      default -> value;
    };
  }

  private String guard(String text, char mark) {
    String guarded = text;
    for (String name : names) {
      if (guarded.contains(name)) {
        int middle = name.offsetByCodePoints(0, 1);
        guarded = guarded.replace(name, name.substring(0, middle) + mark + name.substring(middle));
      }
    }
    return guarded;
  }
}
