package jllm.cli;

import java.util.Locale;
import java.util.Optional;
import jllm.generate.Generation;
import jllm.generate.chat.ChatTurn;
import org.jspecify.annotations.Nullable;

/** Counts and times of a chat. */
final class ChatTotals {
  private @Nullable Generation last;
  private int answers;
  private long promptTokens;
  private long reusedTokens;
  private long promptNanos;
  private long decodeTokens;
  private long decodeNanos;

  void add(ChatTurn turn) {
    Generation generation = turn.generation();
    last = generation;
    answers++;
    promptTokens += generation.promptTokens();
    reusedTokens += generation.reusedTokens();
    promptNanos += generation.promptNanos();
    decodeTokens += generation.decodeTokens();
    decodeNanos += generation.decodeNanos();
  }

  int answers() {
    return answers;
  }

  /** The last answer's timing and the chat's, absent before the first answer. */
  Optional<String> show() {
    Generation answer = last;
    return answer == null
        ? Optional.empty()
        : Optional.of(
            line(
                    "last answer",
                    answer.promptTokens(),
                    answer.reusedTokens(),
                    answer.promptNanos(),
                    answer.decodeTokens(),
                    answer.decodeNanos())
                + "\n"
                + line(
                    answers == 1 ? "1 answer" : answers + " answers",
                    promptTokens,
                    reusedTokens,
                    promptNanos,
                    decodeTokens,
                    decodeNanos));
  }

  private static String line(
      String what, long prompt, long reused, long promptNanos, long decode, long decodeNanos) {
    return String.format(
        Locale.ROOT,
        "%s: prompt %s in %.2f s (%,d more known), answer %s in %.2f s, %.1f" + " tokens/s",
        what,
        ModelCommands.count(prompt),
        promptNanos / 1e9,
        reused,
        ModelCommands.count(decode),
        decodeNanos / 1e9,
        decodeNanos == 0 ? 0 : decode * 1e9 / decodeNanos);
  }
}
