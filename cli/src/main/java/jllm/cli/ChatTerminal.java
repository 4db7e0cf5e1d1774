package jllm.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/** The terminal that this process runs on. */
final class ChatTerminal {
  private ChatTerminal() {}

  static Terminal open() throws IOException {
    return TerminalBuilder.builder()
        .system(true)
        .provider(TerminalBuilder.PROP_PROVIDER_FFM)
        .dumb(true)
        .encoding(StandardCharsets.UTF_8)
        // Asking the terminal how it draws combined characters takes a fifth of a second.
        .graphemeCluster(false)
        .build();
  }

  /**
   * Whether colours are wanted (see no-color.org) and understood.
   *
   * @param type of the terminal, such as the variable TERM says; absent = unknown
   * @param environment of the process
   */
  static boolean hasColours(@Nullable String type, Map<String, String> environment) {
    return environment.getOrDefault("NO_COLOR", "").isEmpty()
        && type != null
        && !type.startsWith("dumb");
  }
}
