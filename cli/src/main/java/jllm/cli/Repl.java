package jllm.cli;

import java.io.IOException;
import java.util.Map;
import jllm.generate.StopReason;

/** Reads messages and commands, one after another, until there are no more. */
final class Repl {
  private final Chat chat;
  private final LineSource lines;
  private final ChatFolder folder;
  private final Map<String, String> environment;
  private final ErrorReporter errors;
  private final boolean interactive;
  private boolean left;

  /**
   * @param environment of the process
   * @param interactive whether a person is there, who sees an error and goes on; otherwise the
   *     first one ends the chat
   */
  Repl(
      Chat chat,
      LineSource lines,
      ChatFolder folder,
      Map<String, String> environment,
      ErrorReporter errors,
      boolean interactive) {
    this.chat = chat;
    this.lines = lines;
    this.folder = folder;
    this.environment = environment;
    this.errors = errors;
    this.interactive = interactive;
  }

  Chat chat() {
    return chat;
  }

  LineSource lines() {
    return lines;
  }

  ChatFolder folder() {
    return folder;
  }

  Map<String, String> environment() {
    return environment;
  }

  /** Ends the chat behind the present command. */
  void leave() {
    left = true;
  }

  /**
   * Runs the chat.
   *
   * @return the exit code
   */
  int run() throws IOException {
    while (!left) {
      String message = lines.next();
      if (message == null) {
        break;
      }
      try {
        if (SlashCommands.isCommand(message)) {
          SlashCommands.run(this, message);
        } else if (!message.isBlank()) {
          StopReason reason = chat.ask(message.strip());
          if (reason == StopReason.CANCELLED && !interactive) {
            return ExitCode.INTERRUPTED;
          }
        }
      } catch (StandardOutput.Failure closed) {
        throw closed;
      } catch (IOException | RuntimeException | OutOfMemoryError e) {
        if (!interactive) {
          throw e;
        }
        tell(e);
      }
    }
    return ExitCode.OK;
  }

  private void tell(Throwable error) throws IOException {
    if (error instanceof UsageException usage) {
      chat.view().say(String.valueOf(usage.getMessage()));
    } else {
      // Ends an answer that was begun.
      chat.view().endAnswer();
      errors.report(error);
    }
  }
}
