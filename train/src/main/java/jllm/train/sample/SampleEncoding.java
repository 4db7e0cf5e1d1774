package jllm.train.sample;

/**
 * What is learned of samples.
 *
 * @param trainOnPrompt whether all tokens are learned, not only those of answers and completions
 * @param promptsAreMessages whether a text with its completion is a message of the user and the
 *     answer, written by the chat template; otherwise the texts are joined as they are
 */
public record SampleEncoding(boolean trainOnPrompt, boolean promptsAreMessages) {
  public static final SampleEncoding USUAL = new SampleEncoding(false, false);
}
