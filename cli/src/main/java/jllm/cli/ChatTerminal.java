package jllm.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
   * Whether colours are wanted and understood.
   *
   * @param noColor the variable NO_COLOR (see no-color.org), absent if not set
   */
  static boolean hasColours(Terminal terminal, @Nullable String noColor) {
    return (noColor == null || noColor.isEmpty()) && !terminal.getType().startsWith("dumb");
  }
}
