package jllm.train.sample;

import org.jspecify.annotations.Nullable;

/**
 * Names of the fields of records that have other ones than usual; each absent = the usual one.
 *
 * @param messages the list of messages
 * @param prompt what a completion follows
 * @param completion what is learned behind a prompt
 * @param text what is learned whole
 */
public record SampleKeys(
    @Nullable String messages,
    @Nullable String prompt,
    @Nullable String completion,
    @Nullable String text) {
  /** Formats are told by the fields that there are. */
  public static final SampleKeys USUAL = new SampleKeys(null, null, null, null);
}
