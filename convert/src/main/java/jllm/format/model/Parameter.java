package jllm.format.model;

import java.util.List;

/**
 * The hyperparameters of a model: the key of each in GGUF (after {@code ARCHITECTURE.}) and, in the
 * order of preference, in the {@code config.json} of Hugging Face.
 */
enum Parameter {
  CONTEXT("context_length", "max_position_embeddings", "n_positions", "n_ctx"),
  WIDTH("embedding_length", "hidden_size", "n_embd"),
  LAYERS("block_count", "num_hidden_layers", "n_layer"),
  HIDDEN("feed_forward_length", "intermediate_size", "n_inner"),
  EXPERT_HIDDEN("expert_feed_forward_length", "moe_intermediate_size"),
  VOCABULARY("vocab_size", "vocab_size"),
  HEADS("attention.head_count", "num_attention_heads", "n_head"),
  KV_HEADS("attention.head_count_kv", "num_key_value_heads"),
  HEAD_DIM("attention.key_length", "head_dim"),
  VALUE_DIM("attention.value_length"),
  RMS_EPS("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
  LAYER_EPS("attention.layer_norm_epsilon", "layer_norm_epsilon", "layer_norm_eps"),
  WINDOW("attention.sliding_window", "sliding_window"),
  ATTENTION_SCALE("attention.scale"),
  ATTENTION_CAP("attn_logit_softcapping", "attn_logit_softcapping"),
  FINAL_CAP("final_logit_softcapping", "final_logit_softcapping"),
  ROPE_DIMENSIONS("rope.dimension_count"),
  ROPE_BASE("rope.freq_base", "rope_theta"),
  EXPERTS("expert_count", "num_local_experts", "num_experts"),
  EXPERTS_USED("expert_used_count", "num_experts_per_tok"),
  EXPERT_SCALE("expert_weights_scale");

  private final String ggufKey;
  private final List<String> jsonKeys;

  Parameter(String ggufKey, String... jsonKeys) {
    this.ggufKey = ggufKey;
    this.jsonKeys = List.of(jsonKeys);
  }

  String ggufKey() {
    return ggufKey;
  }

  List<String> jsonKeys() {
    return jsonKeys;
  }
}
