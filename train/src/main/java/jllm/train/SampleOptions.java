package jllm.train;

/**
 * Texts that a model writes while it is trained, to be looked at.
 *
 * @param every steps between texts, and one at the end; 0 = none
 * @param prompt what the text continues; empty: it starts from the beginning of a document
 * @param tokens of the text
 * @param temperature of the choice of tokens; 0 = the most probable one
 */
public record SampleOptions(long every, String prompt, int tokens, double temperature) {
  public static final SampleOptions NEVER = new SampleOptions(0, "", 1, 0.8);

  public SampleOptions {
    if (every < 0 || tokens < 1 || !(temperature >= 0)) {
      throw new SettingsException(
          "a text of %d tokens every %d steps at temperature %s makes no sense"
              .formatted(tokens, every, temperature));
    }
  }
}
