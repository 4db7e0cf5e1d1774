package jllm.generate;

/** A token id that the model's vocabulary does not have. */
public final class UnknownTokenException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private UnknownTokenException(String message) {
    super(message);
  }

  /**
   * Checks ids before they index memory.
   *
   * @throws UnknownTokenException naming the first that is not below {@code vocabulary}
   */
  static void require(int[] tokens, int vocabulary) {
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0 || tokens[i] >= vocabulary) {
        throw new UnknownTokenException(
            String.format(
                "token %d of the text has the id %d, expected 0 to %d: the model knows %d tokens",
                i + 1, tokens[i], vocabulary - 1, vocabulary));
      }
    }
  }

  /**
   * Checks the ids of a setting.
   *
   * @param setting for the message
   * @throws UnknownTokenException naming the first that is not below {@code vocabulary}
   */
  static void requireSetting(String setting, int[] tokens, int vocabulary) {
    for (int token : tokens) {
      if (token < 0 || token >= vocabulary) {
        throw new UnknownTokenException(
            String.format(
                "the %s names token %d, expected 0 to %d: the model knows %d tokens",
                setting, token, vocabulary - 1, vocabulary));
      }
    }
  }
}
