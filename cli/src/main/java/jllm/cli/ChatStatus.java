package jllm.cli;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import jllm.generate.Generation;
import jllm.generate.StopReason;
import jllm.generate.chat.ChatTurn;

/** What is to be known of an answer beside its text. */
record ChatStatus(ChatTurn turn, int context) {

  /** A line of at most {@code width} columns, as much as fits. */
  String line(int width) {
    Generation generation = turn.generation();
    String speed = String.format(Locale.ROOT, "%.1f", generation.decodeTokensPerSecond());
    int tokens = generation.tokens().length;
    String ending =
        switch (generation.reason()) {
          case CANCELLED -> ", stopped";
          case TOKEN_LIMIT -> ", token limit";
          default -> "";
        };
    List<String> lines =
        List.of(
            "[context %,d of %,d tokens; answer %s, %s tokens/s%s]"
                .formatted(turn.length(), context, ModelCommands.count(tokens), speed, ending),
            "[%d/%d; %s tokens/s%s]".formatted(turn.length(), context, speed, ending),
            "[%d/%d]".formatted(turn.length(), context));
    return lines.stream()
        .filter(line -> line.length() <= width)
        .findFirst()
        .orElse(lines.getLast());
  }

  /** What a person should know of the context, absent if there is nothing. */
  Optional<String> notice() {
    if (turn.text().isEmpty() && turn.generation().reason() == StopReason.CANCELLED) {
      return Optional.of("stopped before the answer began; the talk is as it was before");
    }
    StringBuilder notice = new StringBuilder();
    if (turn.leftOut() > 0) {
      notice.append(
          "the context was full: its oldest %d messages were left out of what the model sees"
              .formatted(turn.leftOut()));
    }
    if (turn.generation().reason() == StopReason.CONTEXT_FULL) {
      notice
          .append(notice.isEmpty() ? "" : "; ")
          .append("the answer was cut off where the context of %d tokens ends".formatted(context))
          .append("; --ctx-size gives a larger one, where the model can use it");
    }
    return notice.isEmpty() ? Optional.empty() : Optional.of(notice.toString());
  }
}
