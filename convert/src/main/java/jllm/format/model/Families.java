package jllm.format.model;

import static java.util.Map.entry;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.NormConfig.Kind;
import jllm.format.NormConfig.Placement;
import jllm.format.PositionConfig;
import jllm.format.WeightNames;
import jllm.format.model.Family.Bias;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import org.jspecify.annotations.Nullable;

/**
 * The table of model families. A new one is a new row (and fields of {@link Family} for what no
 * other had).
 *
 * <p>Sources: the model definitions of Hugging Face transformers, and for GGUF the keys and tensor
 * names of gguf-py and the rotary pairings of llama.cpp.
 */
final class Families {
  /** Llama's names, which most others took over. */
  private static final HubFormat LLAMA_FORMAT =
      new HubFormat(
          "model.layers.",
          Map.of(
              "token_embd", "model.embed_tokens",
              "output_norm", "model.norm",
              "output", "lm_head"),
          Map.ofEntries(
              entry(WeightNames.ATTENTION_NORM, "input_layernorm"),
              entry(WeightNames.QUERY, "self_attn.q_proj"),
              entry(WeightNames.KEY, "self_attn.k_proj"),
              entry(WeightNames.VALUE, "self_attn.v_proj"),
              entry(WeightNames.ATTENTION_OUTPUT, "self_attn.o_proj"),
              entry(WeightNames.QUERY_NORM, "self_attn.q_norm"),
              entry(WeightNames.KEY_NORM, "self_attn.k_norm"),
              entry(WeightNames.FEED_FORWARD_NORM, "post_attention_layernorm"),
              entry(WeightNames.GATE, "mlp.gate_proj"),
              entry(WeightNames.UP, "mlp.up_proj"),
              entry(WeightNames.DOWN, "mlp.down_proj"),
              entry(WeightNames.ROUTER, "block_sparse_moe.gate"),
              entry(WeightNames.EXPERT_GATE, "block_sparse_moe.experts.*.w1"),
              entry(WeightNames.EXPERT_UP, "block_sparse_moe.experts.*.w3"),
              entry(WeightNames.EXPERT_DOWN, "block_sparse_moe.experts.*.w2")),
          Map.of(),
          "hidden_act",
          /* tied= */ false,
          /* rotaryShare= */ 1);

  private static final HubFormat GPT2_FORMAT =
      new HubFormat(
          "transformer.h.",
          Map.of(
              "token_embd", "transformer.wte",
              "position_embd", "transformer.wpe",
              "output_norm", "transformer.ln_f",
              "output", "lm_head"),
          Map.of(
              WeightNames.ATTENTION_NORM, "ln_1",
              WeightNames.QUERY_KEY_VALUE, "attn.c_attn",
              WeightNames.ATTENTION_OUTPUT, "attn.c_proj",
              WeightNames.FEED_FORWARD_NORM, "ln_2",
              WeightNames.UP, "mlp.c_fc",
              WeightNames.DOWN, "mlp.c_proj"),
          // Its layers are of the class Conv1D, which multiplies from the right.
          Map.of(
              WeightNames.QUERY_KEY_VALUE, HubLayout.TRANSPOSED,
              WeightNames.ATTENTION_OUTPUT, HubLayout.TRANSPOSED,
              WeightNames.UP, HubLayout.TRANSPOSED,
              WeightNames.DOWN, HubLayout.TRANSPOSED),
          "activation_function",
          /* tied= */ true,
          /* rotaryShare= */ 1);

  private static final HubFormat GPT_NEOX_FORMAT =
      new HubFormat(
          "gpt_neox.layers.",
          Map.of(
              "token_embd", "gpt_neox.embed_in",
              "output_norm", "gpt_neox.final_layer_norm",
              "output", "embed_out"),
          Map.of(
              WeightNames.ATTENTION_NORM, "input_layernorm",
              WeightNames.QUERY_KEY_VALUE, "attention.query_key_value",
              WeightNames.ATTENTION_OUTPUT, "attention.dense",
              WeightNames.FEED_FORWARD_NORM, "post_attention_layernorm",
              WeightNames.UP, "mlp.dense_h_to_4h",
              WeightNames.DOWN, "mlp.dense_4h_to_h"),
          Map.of(WeightNames.QUERY_KEY_VALUE, HubLayout.BY_HEAD),
          "hidden_act",
          /* tied= */ false,
          /* rotaryShare= */ 0.25);

  static final Family LLAMA =
      new Family(
          "llama",
          List.of("llama", "mistral", "mixtral"),
          Kind.RMS,
          Placement.PRE,
          /* queryKeyNorm= */ false,
          Activation.SILU,
          /* gated= */ true,
          /* hiddenFactor= */ 0,
          Bias.NONE,
          /* fused= */ false,
          RopePairing.INTERLEAVED,
          /* scaledEmbedding= */ false,
          /* parallelResidual= */ false,
          new Family.Window(Family.DefaultWindow.NONE, 1),
          null,
          Family.QueryScale.HEAD,
          LLAMA_FORMAT);

  private static final Family QWEN2 =
      new Family(
          "qwen2",
          List.of("qwen2"),
          Kind.RMS,
          Placement.PRE,
          /* queryKeyNorm= */ false,
          Activation.SILU,
          /* gated= */ true,
          /* hiddenFactor= */ 0,
          Set.of(Bias.QUERY_KEY_VALUE),
          /* fused= */ false,
          RopePairing.HALF_SPLIT,
          /* scaledEmbedding= */ false,
          /* parallelResidual= */ false,
          null,
          null,
          Family.QueryScale.HEAD,
          LLAMA_FORMAT);

  private static final Family QWEN3 =
      new Family(
          "qwen3",
          List.of("qwen3"),
          Kind.RMS,
          Placement.PRE,
          /* queryKeyNorm= */ true,
          Activation.SILU,
          /* gated= */ true,
          /* hiddenFactor= */ 0,
          Bias.NONE,
          /* fused= */ false,
          RopePairing.HALF_SPLIT,
          /* scaledEmbedding= */ false,
          /* parallelResidual= */ false,
          null,
          null,
          Family.QueryScale.HEAD,
          LLAMA_FORMAT);

  private static final Family QWEN3_MOE =
      new Family(
          "qwen3moe",
          List.of("qwen3_moe"),
          Kind.RMS,
          Placement.PRE,
          /* queryKeyNorm= */ true,
          Activation.SILU,
          /* gated= */ true,
          /* hiddenFactor= */ 0,
          Bias.NONE,
          /* fused= */ false,
          RopePairing.HALF_SPLIT,
          /* scaledEmbedding= */ false,
          /* parallelResidual= */ false,
          null,
          null,
          Family.QueryScale.HEAD,
          with(
              LLAMA_FORMAT,
              WeightNames.ROUTER,
              "mlp.gate",
              WeightNames.EXPERT_GATE,
              "mlp.experts.*.gate_proj",
              WeightNames.EXPERT_UP,
              "mlp.experts.*.up_proj",
              WeightNames.EXPERT_DOWN,
              "mlp.experts.*.down_proj"));

  private static final Family GPT2 =
      new Family(
          "gpt2",
          List.of("gpt2"),
          Kind.LAYER,
          Placement.PRE,
          /* queryKeyNorm= */ false,
          Activation.GELU_TANH,
          /* gated= */ false,
          /* hiddenFactor= */ 4,
          Bias.ALL,
          /* fused= */ true,
          /* pairing= */ null,
          /* scaledEmbedding= */ false,
          /* parallelResidual= */ false,
          null,
          null,
          Family.QueryScale.HEAD,
          GPT2_FORMAT);

  private static final Family GPT_NEOX =
      new Family(
          "gptneox",
          List.of("gpt_neox"),
          Kind.LAYER,
          Placement.PRE,
          /* queryKeyNorm= */ false,
          Activation.GELU_ERF,
          /* gated= */ false,
          /* hiddenFactor= */ 0,
          Bias.ALL,
          /* fused= */ true,
          RopePairing.HALF_SPLIT,
          /* scaledEmbedding= */ false,
          /* parallelResidual= */ true,
          null,
          null,
          Family.QueryScale.HEAD,
          GPT_NEOX_FORMAT);

  private static final Family PHI3 =
      new Family(
          "phi3",
          List.of("phi3"),
          Kind.RMS,
          Placement.PRE,
          /* queryKeyNorm= */ false,
          Activation.SILU,
          /* gated= */ true,
          /* hiddenFactor= */ 0,
          Bias.NONE,
          /* fused= */ true,
          RopePairing.HALF_SPLIT,
          /* scaledEmbedding= */ false,
          /* parallelResidual= */ false,
          new Family.Window(Families::phi3Window, 1),
          null,
          Family.QueryScale.HEAD,
          with(
              LLAMA_FORMAT,
              WeightNames.QUERY_KEY_VALUE,
              "self_attn.qkv_proj",
              WeightNames.UP,
              "mlp.gate_up_proj"));

  private static final Family GEMMA =
      new Family(
          "gemma",
          List.of("gemma"),
          Kind.RMS,
          Placement.PRE,
          /* queryKeyNorm= */ false,
          Activation.GELU_TANH,
          /* gated= */ true,
          /* hiddenFactor= */ 0,
          Bias.NONE,
          /* fused= */ false,
          RopePairing.HALF_SPLIT,
          /* scaledEmbedding= */ true,
          /* parallelResidual= */ false,
          null,
          null,
          Family.QueryScale.HEAD,
          gemma(LLAMA_FORMAT));

  private static final Family GEMMA2 =
      new Family(
          "gemma2",
          List.of("gemma2"),
          Kind.RMS,
          Placement.BOTH,
          /* queryKeyNorm= */ false,
          Activation.GELU_TANH,
          /* gated= */ true,
          /* hiddenFactor= */ 0,
          Bias.NONE,
          /* fused= */ false,
          RopePairing.HALF_SPLIT,
          /* scaledEmbedding= */ true,
          /* parallelResidual= */ false,
          new Family.Window((layers, context) -> 4096, 2),
          new Family.Caps(50, 30),
          Families::gemma2Scale,
          gemma(
              with(
                  LLAMA_FORMAT,
                  WeightNames.ATTENTION_POST_NORM,
                  "post_attention_layernorm",
                  WeightNames.FEED_FORWARD_NORM,
                  "pre_feedforward_layernorm",
                  WeightNames.FEED_FORWARD_POST_NORM,
                  "post_feedforward_layernorm")));

  private static final List<Family> ALL =
      List.of(LLAMA, QWEN2, QWEN3, QWEN3_MOE, GPT2, GPT_NEOX, PHI3, GEMMA, GEMMA2);

  private static final HubFormat OWN_FORMAT =
      new HubFormat(
          LLAMA_FORMAT.blockPrefix(),
          Map.of(
              "token_embd", "model.embed_tokens",
              "position_embd", "model.embed_positions",
              "output_norm", "model.norm",
              "output", "lm_head"),
          LLAMA_FORMAT.block(),
          Map.of(),
          "hidden_act",
          /* tied= */ false,
          /* rotaryShare= */ 1);

  private Families() {}

  /**
   * The family of models that no other program knows: any combination of norms, positions and
   * feed-forward layers, which its files spell out.
   *
   * @param rotary whether positions are rotary
   */
  static Family own(Kind norm, boolean gated, boolean rotary) {
    return new Family(
        ModelArchitectures.OWN,
        List.of(ModelArchitectures.OWN),
        norm,
        Placement.PRE,
        /* queryKeyNorm= */ false,
        Activation.SILU,
        gated,
        /* hiddenFactor= */ 0,
        Bias.NONE,
        /* fused= */ false,
        rotary ? RopePairing.HALF_SPLIT : null,
        /* scaledEmbedding= */ false,
        /* parallelResidual= */ false,
        null,
        null,
        Family.QueryScale.HEAD,
        OWN_FORMAT);
  }

  /**
   * The family of a model.
   *
   * @throws ModelFormatException if its architecture is unknown
   */
  static Family of(ModelConfig config, String file) {
    return config.architecture().equals(ModelArchitectures.OWN)
        ? own(
            config.norm().kind(),
            config.feedForward().gated(),
            config.position() instanceof PositionConfig.Rope)
        : require(config.architecture(), file);
  }

  private static @Nullable Family ofArchitecture(String architecture) {
    return ALL.stream()
        .filter(family -> family.architecture().equals(architecture))
        .findFirst()
        .orElse(null);
  }

  /**
   * The family of that name.
   *
   * @param file for the message
   * @throws ModelFormatException if there is none
   */
  static Family require(String architecture, String file) {
    Family family = ofArchitecture(architecture);
    if (family == null) {
      throw new ModelFormatException(
          "%s: architecture %s is not supported; known are %s"
              .formatted(
                  file,
                  architecture,
                  ALL.stream().map(Family::architecture).collect(Collectors.joining(", "))));
    }
    return family;
  }

  static @Nullable Family ofModelType(String modelType) {
    return ALL.stream()
        .filter(family -> family.modelTypes().contains(modelType))
        .findFirst()
        .orElse(null);
  }

  static String modelTypes() {
    return ALL.stream()
        .flatMap(family -> family.modelTypes().stream())
        .collect(Collectors.joining(", "));
  }

  /**
   * Early Phi-3 GGUF files lack the key: those of mini and medium with a context of 4096 slide over
   * 2047 positions, the long ones over more than their context.
   */
  private static int phi3Window(int layers, int contextLength) {
    return (layers == 32 || layers == 40) && contextLength == 4096 ? 2047 : 0;
  }

  /** Only the 27B model (46 layers) departs from the width of a head. */
  private static int gemma2Scale(int layers, int width, int heads, int headDim) {
    return layers == 46 ? width / heads : headDim;
  }

  private static HubFormat with(HubFormat format, String... pairs) {
    Map<String, String> block = new HashMap<>(format.block());
    for (int i = 0; i < pairs.length; i += 2) {
      block.put(pairs[i], pairs[i + 1]);
    }
    return new HubFormat(
        format.blockPrefix(),
        format.model(),
        Map.copyOf(block),
        format.layouts(),
        format.activationKey(),
        format.tied(),
        format.rotaryShare());
  }

  /** Gemma's configurations have a key hidden_act too, which its model definition ignores. */
  private static HubFormat gemma(HubFormat format) {
    return new HubFormat(
        format.blockPrefix(),
        format.model(),
        format.block(),
        Map.of(
            WeightNames.OUTPUT_NORM, HubLayout.LESS_ONE,
            WeightNames.ATTENTION_NORM, HubLayout.LESS_ONE,
            WeightNames.ATTENTION_POST_NORM, HubLayout.LESS_ONE,
            WeightNames.FEED_FORWARD_NORM, HubLayout.LESS_ONE,
            WeightNames.FEED_FORWARD_POST_NORM, HubLayout.LESS_ONE),
        "hidden_activation",
        /* tied= */ true,
        format.rotaryShare());
  }
}
