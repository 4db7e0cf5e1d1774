package jllm.tokenize;

/**
 * What an encoder does beside encoding the text.
 *
 * @param addSpecial adds what the tokenizer's template puts around a text (BOS, EOS, [CLS]...)
 * @param parseSpecial turns the text of a special token (such as {@code <|endoftext|>}) into that
 *     token; without it the text is encoded like any other. Added tokens that are not special
 *     always match.
 */
public record EncodeOptions(boolean addSpecial, boolean parseSpecial) {

  /** The text alone, special text taken as text. */
  public static final EncodeOptions PLAIN = new EncodeOptions(false, false);

  /** The text with BOS/EOS or template, special text taken as text: what a prompt needs. */
  public static final EncodeOptions WITH_SPECIAL = new EncodeOptions(true, false);

  /** Special text parsed, nothing added: what a rendered chat template needs. */
  public static final EncodeOptions PARSE_SPECIAL = new EncodeOptions(false, true);
}
