package jllm.cli;

import java.util.Map;

/** Names and values, one a line, the values below each other. */
final class Facts {
  private Facts() {}

  static String text(Map<String, ?> facts) {
    int widest = facts.keySet().stream().mapToInt(String::length).max().orElse(0);
    StringBuilder text = new StringBuilder();
    facts.forEach((name, value) ->
        text.append(name.replace('_', ' '))
            .repeat(" ", widest + 2 - name.length())
            .append(value)
            .append('\n'));
    return text.toString();
  }
}
