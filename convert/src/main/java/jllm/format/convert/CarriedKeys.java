package jllm.format.convert;

import java.util.Map;

/**
 * Where a GGUF file keeps what GGUF itself has no keys for: texts of the Hugging Face folder that
 * it was made from, so that going back gives the same.
 */
final class CarriedKeys {
  static final String CHAT_TEMPLATE = "tokenizer.chat_template";

  /** The types of tensors that had another than most, as {@link TensorTypes} writes them. */
  static final String TENSOR_TYPES = "jllm.hf.tensor_types";

  /** Keys by names of files; that of the tokenizer is in the specification of GGUF. */
  static final Map<String, String> FILES =
      Map.of(
          Companions.CONFIG, "jllm.hf.config",
          Companions.GENERATION, "jllm.hf.generation_config",
          Companions.TOKENIZER, "tokenizer.huggingface.json",
          Companions.TOKENIZER_CONFIG, "jllm.hf.tokenizer_config",
          Companions.SPECIAL_TOKENS, "jllm.hf.special_tokens_map");

  private CarriedKeys() {}
}
