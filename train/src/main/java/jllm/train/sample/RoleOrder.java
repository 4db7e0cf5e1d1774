package jllm.train.sample;

import java.util.List;
import jllm.generate.chat.Message;
import org.jspecify.annotations.Nullable;

/**
 * Whether people of a conversation speak in turn: the system first if at all, then the user and the
 * assistant one after the other, answers of tools behind the assistant's calls.
 */
final class RoleOrder {
  private enum Role {
    SYSTEM,
    USER,
    ASSISTANT,
    TOOL;

    static @Nullable Role of(String name) {
      return switch (name) {
        case "system", "developer" -> SYSTEM;
        case "user" -> USER;
        case "assistant" -> ASSISTANT;
        case "tool", "function", "ipython" -> TOOL;
        default -> null;
      };
    }
  }

  private RoleOrder() {}

  /** What is wrong, absent if nothing is. */
  static @Nullable String problem(List<Message> messages) {
    Role before = null;
    for (int i = 0; i < messages.size(); i++) {
      Role role = Role.of(messages.get(i).role());
      if (role == null) {
        return "message %d has the role '%s'".formatted(i + 1, messages.get(i).role());
      }
      String wrong = wrong(role, before, i > 0 && calls(messages.get(i - 1)));
      if (wrong != null) {
        return "message " + (i + 1) + " " + wrong;
      }
      before = role;
    }
    return null;
  }

  private static boolean calls(Message message) {
    return message.fields().get("tool_calls") != null;
  }

  private static @Nullable String wrong(Role role, @Nullable Role before, boolean called) {
    return switch (role) {
      case SYSTEM ->
          before == null || before == Role.SYSTEM ? null : "is the system's, behind others";
      case USER -> before == Role.USER ? "is the user's, like the one before" : null;
      case ASSISTANT -> {
        if (before == null || before == Role.SYSTEM) {
          yield "is the assistant's, before any of the user";
        }
        yield before == Role.ASSISTANT ? "is the assistant's, like the one before" : null;
      }
      case TOOL ->
          before == Role.TOOL || before == Role.ASSISTANT && called
              ? null
              : "is a tool's, which was not called";
    };
  }

  /** Whether a conversation ends with a question. */
  static boolean isUnanswered(List<Message> messages) {
    return !messages.isEmpty() && !messages.getLast().isAssistant();
  }
}
