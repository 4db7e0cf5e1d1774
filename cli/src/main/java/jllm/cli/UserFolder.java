package jllm.cli;

import java.nio.file.Path;

/** The folder in which the program keeps what belongs to its user: models by name, histories. */
final class UserFolder {
  /** The environment variable that names another. */
  static final String VARIABLE = "JLLM_HOME";

  private UserFolder() {}

  static Path path() {
    String named = System.getenv(VARIABLE);
    return named == null || named.isEmpty()
        ? Path.of(System.getProperty("user.home"), ".jllm")
        : Path.of(named);
  }
}
