package jllm.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFormatException;
import jllm.generate.chat.Conversation;
import jllm.generate.chat.Message;

/**
 * A talk in a file: a JSON object with its messages, as {@code jllm chat-template --input} and
 * other programs read it.
 */
final class Transcript {
  private Transcript() {}

  /** Writes a talk; what was in the file before is there until it is complete. */
  static void write(Path path, String model, List<Message> messages) throws IOException {
    Map<String, Object> talk = new LinkedHashMap<>();
    talk.put("model", model);
    talk.put("messages", messages.stream().map(Message::fields).toList());
    try (AtomicFile file = new AtomicFile(path)) {
      file.out().write((Json.compact(talk) + "\n").getBytes(StandardCharsets.UTF_8));
      file.commit();
    }
  }

  /**
   * Reads a talk.
   *
   * @throws ModelFormatException if the file holds none
   */
  static List<Message> read(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      throw new FileSystemException(path.toString(), null, "is a folder, expected a saved talk");
    }
    List<Message> messages =
        Conversation.read(path.toString(), Files.readAllBytes(path)).messages();
    for (Message message : messages) {
      if (message.role().isEmpty()) {
        throw new ModelFormatException(path + ": a message does not say whose it is (role)");
      }
    }
    return messages;
  }

  /** Refuses to overwrite what is no saved talk. */
  static void requireReplaceable(Path path) throws IOException {
    if (Files.isRegularFile(path)) {
      try {
        read(path);
      } catch (ModelFormatException other) {
        throw new UsageException(
            path + " exists and is no saved talk; take another name, or remove it first");
      }
    }
  }
}
