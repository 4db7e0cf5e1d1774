package jllm.tokenize.read;

import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.VocabularySpec;

/** Where tokenizers come from: metadata of a model file, files, names. */
public final class Tokenizers {

  private Tokenizers() {}

  /**
   * The tokenizer that the metadata of a GGUF file describes.
   *
   * @throws TokenizerFormatException if the kind of vocabulary is unknown or it contradicts itself
   */
  public static Tokenizer of(VocabularySpec spec) {
    throw new TokenizerFormatException(
        "unknown tokenizer model '" + spec.model() + "'; expected llama, gpt2, bert or t5");
  }
}
