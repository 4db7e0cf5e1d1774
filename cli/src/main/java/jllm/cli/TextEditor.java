package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The editor that a person prefers. */
record TextEditor(Map<String, String> environment) {

  /**
   * Lets a text be changed.
   *
   * @throws UsageException if no editor is named, or it fails
   */
  String edit(String text) throws IOException {
    String visual = environment.getOrDefault("VISUAL", "").strip();
    String editor = visual.isEmpty() ? environment.getOrDefault("EDITOR", "").strip() : visual;
    if (editor.isEmpty()) {
      throw new UsageException("no editor is named; set EDITOR, such as EDITOR=nano");
    }
    Path file = Files.createTempFile("jllm-", ".md");
    try {
      Files.writeString(file, text);
      // The variable may hold options too: a shell takes it apart.
      Process process =
          new ProcessBuilder("sh", "-c", editor + " \"$1\"", "sh", file.toString())
              .inheritIO()
              .start();
      int status = process.waitFor();
      if (status != 0) {
        throw new UsageException(
            "'" + editor + "' ended with status " + status + "; nothing was changed");
      }
      return Files.readString(file);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for '" + editor + "'", e);
    } finally {
      Files.deleteIfExists(file);
    }
  }
}
