package jllm.format;

/**
 * The names of a model's weights inside this program: those of GGUF ({@code gguf-py/constants.py}),
 * with suffix {@code .weight} or {@code .bias}. Other formats are mapped to them.
 */
public final class WeightNames {
  public static final String TOKEN_EMBEDDING = "token_embd.weight";
  public static final String POSITION_EMBEDDING = "position_embd.weight";
  public static final String OUTPUT_NORM = "output_norm";
  public static final String OUTPUT = "output.weight";
  public static final String ROPE_FREQUENCIES = "rope_freqs.weight";

  /** Parts of a block: without {@code blk.N.} and suffix. */
  public static final String ATTENTION_NORM = "attn_norm";

  public static final String ATTENTION_POST_NORM = "post_attention_norm";
  public static final String QUERY = "attn_q";
  public static final String KEY = "attn_k";
  public static final String VALUE = "attn_v";

  /** Query, key and value rows in one matrix (GPT-2, Phi-3). */
  public static final String QUERY_KEY_VALUE = "attn_qkv";

  public static final String QUERY_NORM = "attn_q_norm";
  public static final String KEY_NORM = "attn_k_norm";
  public static final String ATTENTION_OUTPUT = "attn_output";
  public static final String FEED_FORWARD_NORM = "ffn_norm";
  public static final String FEED_FORWARD_POST_NORM = "post_ffw_norm";

  /** Gate and up rows in one matrix are stored under {@link #UP} (Phi-3). */
  public static final String GATE = "ffn_gate";

  public static final String UP = "ffn_up";
  public static final String DOWN = "ffn_down";
  public static final String ROUTER = "ffn_gate_inp";
  public static final String EXPERT_GATE = "ffn_gate_exps";
  public static final String EXPERT_UP = "ffn_up_exps";
  public static final String EXPERT_DOWN = "ffn_down_exps";

  private WeightNames() {}

  /** {@code blk.3.attn_q.weight} for block 3, {@code attn_q}, {@code weight}. */
  public static String block(int layer, String part, String suffix) {
    return "blk." + layer + "." + part + "." + suffix;
  }
}
