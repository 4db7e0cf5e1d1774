package jllm.cli;

import java.io.IOException;

/**
 * A command of the chat.
 *
 * @param name with its slash
 * @param usage what may follow the name, for people
 * @param argument what follows, for completion
 */
record SlashCommand(String name, String usage, Argument argument, String summary, Action action) {

  /** What a command is followed by. */
  enum Argument {
    NONE,
    TEXT,
    FILE,
    MODEL,
    SETTING
  }

  /** What a command does. */
  @FunctionalInterface
  interface Action {
    /**
     * @param argument what follows the name, possibly empty
     * @throws UsageException if that makes no sense
     */
    void run(Repl repl, String argument) throws IOException;
  }
}
